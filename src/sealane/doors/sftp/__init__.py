"""The SFTP door: SSH by asyncssh, SFTP version 3 and legacy scp by our own engines. It decides nothing.

Lives here: the SSH side (`server.py`, `door.py`, `admission.py`, `connection.py`, `algorithms.py`, `exchange.py`,
`password.py`, `channel.py`, and `foundations.py`, which checks the asyncssh we stand on), the SFTP side (`session.py`,
`engine.py`, `requests.py`, `extensions.py`, `handles.py`, `files.py`, `packets.py`, `attributes.py`, `status.py`), and
scp (`scp.py`, `scp_words.py`). Not here: rights, names and versions (the keeper's); encryption and the blob store
(`doors/incoming.py`, `doors/outgoing.py`).
Must stay true: only a session that the keeper made is served; whatever is not understood is
refused; requests of one session are served in the order in which they came.
"""
