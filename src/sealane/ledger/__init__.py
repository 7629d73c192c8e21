"""What happened: events, the chain that holds them together, reading it and proving it.

Lives here: the closed list of events (`events/`), their bodies and commitments (`bodies.py`), the chain (`chain.py`),
writing (`writer.py`), reading (`reader.py`), and proving (`verifier.py`, `checkpoints.py`: pure, bytes in and a verdict
out, for those who do not trust this server). Not here: deciding what is worth an event (the acts of the domain).
Must stay true: an entry is never changed; everything needed to check one is in `docs/formats/ledger.md`.
"""
