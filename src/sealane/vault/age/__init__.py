"""The age v1 file format (C2SP age.md), streaming, with ranges and resume, on `cryptography`.

Lives here: the header (`header.py`), its armour (`armor.py`), the payload (`payload.py`), recipients and identities
(`keys.py`
and one module a type), whole files (`files.py`). Not here: when a file is sealed and to whom (domain, client).
Must stay true: what any age tool writes to a type that we know opens here, what we write opens there; a header or
payload
that is not canonical is refused; no chunk nonce is ever used for two plaintexts; a cut file is never taken for whole.
"""
