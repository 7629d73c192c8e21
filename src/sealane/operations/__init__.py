"""What the processes say to each other: typed requests and answers, their frames, and the caller's side of the socket.

Lives here: the words (`signing.py`, `files.py`, `uploads.py`, `accounts.py`, `inspection.py`, `audit.py`), the envelope
(`envelope.py`), the caller (`caller.py`). Not here: deciding (domain) or serving (keeper).
Must stay true: every operation says in its class which socket may ask it; a field that is added has a default, so that
a door of the last release is understood; the keeper answers only after its transaction is durable.
"""
