"""The HTTP door: content by PUT and GET, resumable uploads by tus 1.0, the REST API. It decides nothing.

Lives here: what HTTP says, turned into operations and back. Not here: rights, names, quotas (the keeper), encryption
and segments (`doors/incoming.py`, `doors/outgoing.py`), the pages for people (`doors/web`, which stands on this).
Must stay true: nobody is believed for a header's sake but by `Authorization: Bearer`, or by a browser's cookie where
the request is provably one of our own pages' (`browser.py`); a path is percent-decoded
exactly once, from the bytes that were sent; no body is ever whole in memory, on disk in clear, or given to a multipart
parser; every failure is an RFC 9457 problem document.
"""
