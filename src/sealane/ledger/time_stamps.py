"""RFC 3161 time stamps of checkpoints: an authority with a clock of its own signs that a checkpoint was there. Pure.

What is stamped is the text of a checkpoint, its three lines without signatures (docs/formats/ledger.md, 5): so nobody,
with whatever keys of this server, can make a ledger later and say that it was there before. Kept is the authority's
whole answer in DER, which `openssl ts -verify` reads too. Must stay true: what came from outside is believed only as
far as the operator's certificates prove it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import rfc3161_client
from cryptography import x509

from sealane.errors import Invalid
from sealane.operations.failures import TimeStampWrong

if TYPE_CHECKING:
    from collections.abc import Iterable

RESPONSE_BYTES_MAX = 32_768
"""Of an authority's answer: a token with a chain of certificates has some six thousand."""
CERTIFICATES_BYTES_MAX = 1 << 20
QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
_SHA256 = "2.16.840.1.101.3.4.2.1"


class Query(NamedTuple):
    """What an authority is asked."""

    body: bytes
    """DER."""
    nonce: int


def query(text: str) -> Query:
    """Return the question for a time stamp of a checkpoint's text, with a fresh nonce."""
    builder = rfc3161_client.TimestampRequestBuilder()
    asked = builder.data(text.encode()).hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).build()
    assert asked.nonce is not None
    return Query(asked.as_bytes(), asked.nonce)


def certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates, roots and those below them, by which an authority is known. Raises `Invalid`."""
    try:
        found = tuple(x509.load_pem_x509_certificates(pem)) if len(pem) <= CERTIFICATES_BYTES_MAX else ()
    except ValueError:
        found = ()
    if not found:
        raise Invalid("The file of the authority's certificates (time_stamps_ca) holds no certificates in PEM.")
    return found


def check_imprint(text: str, response: bytes) -> None:
    """Raise `TimeStampWrong` unless this is a time stamp of this text. By whom is not looked at."""
    told = _decoded(response).tst_info.message_imprint
    if (told.hash_algorithm.dotted_string, told.message) != (_SHA256, sha256(text.encode()).digest()):
        raise TimeStampWrong("The time stamp is of something else than this checkpoint.")


def proven(text: str, response: bytes, trusted: Iterable[x509.Certificate], *, nonce: int | None = None) -> datetime:
    """Return the time at which the authority says that this text was there.

    `nonce`: that of the question, where it is known. Raises `TimeStampWrong`.
    """
    check_imprint(text, response)
    verifier = rfc3161_client.VerifierBuilder(roots=list(trusted), nonce=nonce).build()
    stamped = _decoded(response)
    try:
        verifier.verify_message(stamped, text.encode())
    except Exception as problem:  # noqa: BLE001
        # The library reads certificates that the authority sent: what is wrong in them has many names.
        raise TimeStampWrong(f"The time stamp does not prove what it says ({type(problem).__name__}).") from None
    return stamped.tst_info.gen_time.astimezone(UTC)


def _decoded(response: bytes) -> rfc3161_client.TimeStampResponse:
    """Return an answer with a time stamp in it. Raises `TimeStampWrong`."""
    try:
        found = rfc3161_client.decode_timestamp_response(response) if len(response) <= RESPONSE_BYTES_MAX else None
        if found is not None and found.status == rfc3161_client.PKIStatus.GRANTED:
            _ = found.tst_info.message_imprint, found.tst_info.gen_time
            return found
    except ValueError:
        pass
    raise TimeStampWrong("This is no granted time stamp.")


@dataclass(frozen=True, slots=True)
class TimeStamped:
    """What the time stamps of a ledger prove."""

    proven: int = 0
    """How many."""
    size: int = 0
    """The largest checkpoint with a proven one: so many entries."""
    at: datetime | None = None
    """When, by the authority's clock, that one was there."""
    unproven: int = 0
    """How many of a checkpoint of this ledger whose signature does not prove by the certificates given."""
    wrong: int | None = None
    """The size of the first checkpoint whose time stamp is not of it: damage."""


def judged(kept: Iterable[tuple[int, bytes, str]], trusted: tuple[x509.Certificate, ...]) -> TimeStamped:
    """Return what these time stamps prove: size, answer and the checkpoint's text of each, in rising order."""
    count = unproven = largest = 0
    at: datetime | None = None
    for size, response, text in kept:
        try:
            check_imprint(text, response)
        except TimeStampWrong:
            return TimeStamped(count, largest, at, unproven, size)
        stamped = _time_of(text, response, trusted)
        if stamped is None:
            unproven += 1
        else:
            at, count, largest = stamped, count + 1, size
    return TimeStamped(count, largest, at, unproven)


def _time_of(text: str, response: bytes, trusted: tuple[x509.Certificate, ...]) -> datetime | None:
    """Return the time that is proven, None where none is: by these certificates, or for want of any."""
    try:
        return proven(text, response, trusted) if trusted else None
    except TimeStampWrong:
        return None
