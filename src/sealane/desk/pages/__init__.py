"""The desk as pages on loopback: the same as its commands, for the officer's own browser, without scripts.

Lives here: who may come in (`guard.py`), what the pages are made of (`office.py`), the pages (`incidents.py`,
`search.py`), how they look (`layout.py`), where they are (`application.py`). Must stay true: it listens on loopback
only; nobody gets in without the link that was printed, which works once; no name or number of a person stands in an
address.
"""
