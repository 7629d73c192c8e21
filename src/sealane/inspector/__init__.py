"""The process that reads what arrived, with the keys of one arrival at a time.

Lives here: reading an arrival back (`reading.py`), the rounds of leasing, reading and answering (`rounds.py`), the
process (`__main__.py`); and reading whose data is in it, in a process of its own for each file: the inspector's side
(`readers.py`), the reading child (`child.py`), what it may not (`confinement.py`), what they say (`channel.py`), the
sealed list (`listing.py`). Not here: deciding what an arrival owes (domain), the sockets (keeper), formats (exposure).
Must stay true: no database and no network but the keeper's socket and the blob store; no plaintext anywhere but in
memory; an arrival is answered only by what was read back from the store and verified by its tags; no parser of a
stranger's file runs in the process that has keys.
"""
