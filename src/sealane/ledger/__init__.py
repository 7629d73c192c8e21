"""What happened: events, the tree that holds them together, who signs it, reading it and proving it.

Lives here: the closed list of events (`events/`), their bodies and commitments (`bodies.py`), the Merkle tree
(`tree.py`, `stored_tree.py`), writing (`writer.py`), signing (`notes.py`, `checkpoints.py`, `signing.py`, `signer.py`),
reading (`reader.py`, `exports.py`), witnesses (`witnesses.py`, `witnessing.py`), and proving (`verifier.py`,
`verdicts.py`, `proofs.py`, `standalone.py`: pure, bytes in and a verdict out, for those who do not trust this server;
`proving.py`, `sections.py`: the same of what a database holds).
Not here: deciding what is worth an event (the acts of the domain).
Must stay true: an entry is never changed; everything needed to check one is in `docs/formats/ledger.md`.
"""
