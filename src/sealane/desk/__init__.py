"""The privacy officer's side: whose data was taken, and what each of them is told.

Lives here: the desk's sealed folder (`folder.py`), lists and ledger entries taken from a source (`taking.py`), facts
(`facts.py`), who of all files' individuals is the same person (`identity/`), incidents and their figures
(`incidents/`), and what owners, individuals and authorities are told (`notices/`). Not here: reading files (exposure),
the server's database, its keys. Must stay true: facts are only ever added to; every figure names its files, its policy
and the ledger's state, and comes out the same again; nothing about a person lies unsealed in the folder; a count
travels with what could not be read.
"""
