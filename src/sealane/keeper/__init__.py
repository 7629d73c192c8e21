"""The keeper: the one process that decides, records and remembers.

Lives here: opening the node (`node.py`), group commit (`core.py`, `writer.py`), the Unix sockets (`server.py`), what
takes more than one transaction (`flows.py`), the SSH host keys (`host_keys.py`), what happens by the clock
(`ticks.py`). Not here: what may be done and doing it (domain). Must stay true: an operation is answered only after its
transaction, ledger record included, is durable; nothing but the keeper writes the database.
"""

EXIT_LEASE_HELD = 75
"""The exit code of a keeper that met another one at work (EX_TEMPFAIL of sysexits.h): trying again later may help."""
