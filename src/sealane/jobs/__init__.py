"""What happens later or elsewhere, by processes with a network and without the keeper's secrets.

Lives here: the jobs process (`__main__.py`), which asks witnesses for
cosignatures (`cosigning.py`) and sends the ledger to a collector of logs (`collecting.py`), and the witness
itself (`witness.py`), a program for another machine. Not here: deciding and recording (keeper), what a witness proves
(`ledger/witnessing.py`).
Must stay true: nothing here has a key of the node or its database.
"""
