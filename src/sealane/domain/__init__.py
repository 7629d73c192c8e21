"""What may be done, and doing it: plain synchronous functions on one transaction, without protocol words.

Lives here: rights (`rights.py`), what a path names for whom (`places.py`), signing in and sessions, accounts and
grants, folders and files, the one way in (`receive.py` to `finish.py`) and the one way out (`deliver.py`).
`table.py` says which function performs which operation.
Not here: sockets, threads, password hashing for sign-ins (keeper), bytes (vault).
Must stay true: nothing is decided about a right outside `rights.may`, and every act records its event with itself.
"""
