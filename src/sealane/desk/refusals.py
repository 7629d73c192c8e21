"""Lists that were refused: the files whose people are in no figure for want of a list that can be relied on, and why.

Each sync that changes anything writes all of them anew; an answer cites which of these it was given with. Must stay
true: a list stands here until the one that the ledger names for its file was taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from sealane.desk.folder import numbered
from sealane.errors import PeopleListInvalid
from sealane.exposure.people.lists import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealane.desk.folder import Folder

_KIND: Final = "refusals"
_READER: Final = VERSION.decode()


class RefusedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A people list of which nothing was taken."""

    version_id: str
    digest: str
    """SHA-256 of the payload of the list that should have been there."""
    why: str
    """The code of what was wrong with it (`opening.REFUSALS`)."""
    reader: str = _READER
    """The newest version of lists that was known here then."""

    def is_final(self, digest: str) -> bool:
        """Tell whether asking for the list of this digest again can bring nothing else.

        So it is where the very list that the ledger names opens and is none, to a reader that knows no more now.
        """
        return (self.why, self.digest, self.reader) == (PeopleListInvalid.code, digest, _READER)


class _Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `refusals`: all that stood as refused after a sync, by version."""

    lists: tuple[RefusedList, ...]


@dataclass(frozen=True, slots=True)
class Refusals:
    """All that stood as refused at one time. Number 0: nothing ever was."""

    number: int = 0
    lists: Mapping[str, RefusedList] = field(default_factory=dict)
    """By file version."""


NONE: Final = Refusals()


def load(folder: Folder, number: int) -> Refusals:
    """Return what stood as refused then. Raises `DeskDamaged`."""
    if not number:
        return NONE
    told = msgspec.msgpack.decode(folder.read(numbered(_KIND, number)), type=_Refused)
    return Refusals(number, {one.version_id: one for one in told.lists})


def newest(folder: Folder) -> Refusals:
    """Return what stands as refused now. Raises `DeskDamaged`."""
    return load(folder, len(folder.numbers(_KIND)))


def keep(folder: Folder, before: Refusals, standing: Mapping[str, RefusedList]) -> Refusals:
    """Keep what stands as refused, where it is anything else than before."""
    if standing == before.lists:
        return before
    number = before.number + 1
    told = _Refused(tuple(standing[version] for version in sorted(standing)))
    folder.write(numbered(_KIND, number), msgspec.msgpack.encode(told))
    return Refusals(number, standing)
