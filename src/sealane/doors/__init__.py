"""What speaks with the outside: a room for each protocol, and the data plane that they share.

Lives here: `plane.py`, `incoming.py`, `outgoing.py` (bytes in and out, encrypted here), `process.py` (what the process
of a door has), `sftp/`, `http/`. Must stay true: a door translates and carries; it decides nothing, and keeps nothing
but the keys of the transfers that run.
"""
