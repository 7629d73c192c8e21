"""The HTTP door: content by PUT and GET, resumable uploads by tus 1.0, the REST API. It decides nothing.

Lives here: what HTTP says, turned into operations and back. Not here: rights, names, quotas (the keeper), encryption
and segments (`doors/incoming.py`, `doors/outgoing.py`). The pages for people (`doors/web`) and the desk's API join the
routes of `application.py` when they are built.
Must stay true: nobody is believed for a header's sake but by `Authorization: Bearer`; a path is percent-decoded
exactly once, from the bytes that were sent; no body is ever whole in memory, on disk in clear, or given to a multipart
parser; every failure is an RFC 9457 problem document.
"""
