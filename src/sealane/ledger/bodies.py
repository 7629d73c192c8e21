"""An event's body in canonical JSON, and the commitments in it with their openings (docs/formats/ledger.md, 2 and 3).

The body is what RFC 8785 (JSON Canonicalization Scheme) prescribes for it. The encoder here is msgspec's, given keys in
their order: for our bodies (ASCII keys, no floats, whole numbers below 2^53) it gives the same bytes as the reference
library `rfc8785`, some forty times faster; a property test holds the two together.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

import msgspec

from sealane.errors import TooLarge
from sealane.ledger.events import PRIVATE, Event, Who
from sealane.ledger.limits import BODY_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

SALT_BYTES = 16
_SALTS_DRAWN = 64
"""At once: what the system asks for one costs more than the salt."""
PATH_DIGEST_BYTES = 16
_NAMES_KEPT_MAX = 1000
_COMMITMENT = b"\x02"
"""Sets a commitment apart from a leaf (0x00) and a node (0x01) of the tree."""
NO_OPENINGS = b"{}"
_NEVER_EMPTY = (int, bool, datetime)
"""Types of fields that are always shown."""

NOT_OURS = (ValueError, RecursionError)
"""What decoding a body or openings raises that were not written here: malformed, of another shape, not Unicode."""

_encoder = msgspec.json.Encoder()
"""Keeps the order of what it is given, which is the canonical one already."""
opened = msgspec.json.Decoder(dict[str, tuple[str, str]]).decode
"""Returns stored openings: salt in hex and value by field. Raises `NOT_OURS`."""


class Sealed(NamedTuple):
    """An event as it is written: the body, what opens its commitments, and where it is found again."""

    body: bytes
    openings: bytes
    """JSON: field to [salt in hex, value]; `{}` where nothing is private."""
    path_digest: bytes | None
    target_digest: bytes | None
    address_digest: bytes | None


class Salts:
    """Fresh random bytes for salts, drawn for many at a time."""

    __slots__ = ("_drawn", "_used")

    def __init__(self) -> None:
        """Draw none yet."""
        self._drawn = b""
        self._used = 0

    def next(self, count: int) -> bytes:
        """Return so many salts, one after another, that nobody was given before."""
        start, end = self._used, self._used + count * SALT_BYTES
        if end > len(self._drawn):
            start, end = 0, count * SALT_BYTES
            self._drawn = secrets.token_bytes(max(end, _SALTS_DRAWN * SALT_BYTES))
        self._used = end
        return self._drawn[start:end]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the events of a class are written: what is shown and what is committed to, each in the canonical order."""

    shown: tuple[str, ...]
    """The keys of a body, all that there may be."""
    shown_of: Callable[[object], tuple[object, ...]]
    """Gets their values; of `at` and `private`, which no event has, anything that holds their place."""
    empty: tuple[str, ...]
    """Those of the shown that may be None or "", and are left out then."""
    times: tuple[str, ...]
    """Those of the shown that are times."""
    hidden: tuple[tuple[str, bytes], ...]
    """Names, and what stands before the value in a commitment."""
    hidden_of: Callable[[object], tuple[str, ...]]
    private: frozenset[str]
    """The class's own fields that are committed to."""


def sealed(event: Event, at: datetime, salts: Salts | None = None) -> Sealed:
    """Return the event as an entry's body; `salts` spares drawing some for it alone."""
    salts = salts or Salts()
    shape = shape_of(type(event))
    shown: dict[str, object] = dict(zip(shape.shown, shape.shown_of(event), strict=True))
    for name in shape.empty:
        if not (value := shown[name]) and (value is None or value == ""):
            del shown[name]
    shown["at"] = moment(at)
    for name in shape.times:
        if isinstance(time := shown.get(name), datetime):
            shown[name] = moment(time)
    openings: dict[str, tuple[str, str]] = {}
    commitments: dict[str, str] = {}
    drawn = salts.next(len(shape.hidden))
    in_hex, start = drawn.hex(), 0
    for (name, before), value in zip(shape.hidden, shape.hidden_of(event), strict=True):
        if value:
            end = start + SALT_BYTES
            openings[name] = (in_hex[2 * start : 2 * end], value)
            commitments[name] = sha256(_COMMITMENT + drawn[start:end] + before + value.encode()).hexdigest()
            start = end
    if not commitments:
        del shown["private"]
        return Sealed(_encoded(shown), NO_OPENINGS, None, None, None)
    shown["private"] = commitments
    return Sealed(
        _encoded(shown),
        _encoder.encode(openings),
        path_digest(openings["path"][1]) if "path" in openings else None,
        path_digest(openings["target"][1]) if "target" in openings else None,
        path_digest(openings["address"][1]) if "address" in openings else None,
    )


def _encoded(shown: dict[str, object]) -> bytes:
    """Return a body. Raises `TooLarge` for one that could not stand in a bundle of entries."""
    body = _encoder.encode(shown)
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge("What is to be recorded of this is more than one entry of the ledger holds.")
    return body


def commitment(field: str, value: str, salt: bytes) -> bytes:
    """SHA-256 of 0x02, the salt, the field's name with its length in one byte before it, and the value in UTF-8."""
    return sha256(_COMMITMENT + salt + NAMED_FIELDS[field] + value.encode()).digest()


class _NamedFields(dict[str, bytes]):
    """Each field's name as a commitment has it: its length in one byte, then itself. Remembers a bounded number."""

    def __missing__(self, field: str) -> bytes:
        name = field.encode()
        named = bytes((len(name),)) + name
        if len(self) < _NAMES_KEPT_MAX:
            self[field] = named
        return named


NAMED_FIELDS = _NamedFields()


@lru_cache(maxsize=8192)
def path_digest(path: str) -> bytes:
    """Return what an entry is found by when asked for a path (or an address).

    Remembered: who writes a path begins, finishes and looks at it.
    """
    return sha256(path.encode()).digest()[:PATH_DIGEST_BYTES]


@lru_cache(maxsize=64)
def moment(at: datetime) -> str:
    """Return an aware UTC time as RFC 3339 with microseconds and `Z`."""
    if at.utcoffset() != timedelta(0):
        raise ValueError("the ledger's times are aware and UTC")
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


@cache
def shape_of(kind: type[Event]) -> _Shape:
    """Return how a class is written."""
    own: dict[str, Any] = get_type_hints(kind, include_extras=True)
    whose: dict[str, Any] = get_type_hints(Who, include_extras=True)
    fields = [(name, f"who.{name}", whose[name]) for name in Who.__struct_fields__]
    fields += [(name, name, own[name]) for name in kind.__struct_fields__ if name != "who"]
    hidden = sorted(field for field in fields if _is_private(field[2]))
    shown = [field for field in fields if not _is_private(field[2])]
    places = {"at": "kind", "kind": "kind", "v": "version", PRIVATE: "kind"}
    places |= {name: place for name, place, _ in shown}
    return _Shape(
        shown=tuple(sorted(places)),
        shown_of=attrgetter(*(places[name] for name in sorted(places))),
        empty=tuple(sorted(name for name, _, hint in shown if hint not in _NEVER_EMPTY)),
        times=tuple(name for name, _, hint in shown if datetime in {hint, *get_args(hint)}),
        hidden=tuple((name, NAMED_FIELDS[name]) for name, _, _ in hidden),
        hidden_of=attrgetter(*(place for _, place, _ in hidden)),
        private=frozenset(name for name, place, _ in hidden if place == name),
    )


def _is_private(hint: object) -> bool:
    return PRIVATE in getattr(hint, "__metadata__", ())
