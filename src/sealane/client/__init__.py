"""The user's side: sending and fetching files over HTTPS so that they arrive whole, whatever happens on the way.

Lives here: the login that is kept, requests and their patience, plans of parts, journals of what is under way, sending
and fetching, and the account of it as events. Not here: how that is shown (`cli`), what may be done (the server).
Must stay true: a file is reported as verified only when its SHA-256 equals the server's digest of record; nothing
that a server says leads outside the folder it was asked to fill; a token goes to its own server only, never in clear.
"""
