"""Bytes at rest: blob stores, segments, extents, the two formats, file keys. Always ciphertext below this door.

Lives here: `blobs.py` (the `BlobStore` contract), `local.py`, `s3.py`, `segments.py` (the slot format), `extents.py`
(which bytes of a file lie where), `keys.py` (the key chain). Not here: who may read (domain), rows (database).
"""
