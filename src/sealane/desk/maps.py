"""Identity maps: for each alias, who it is; versioned, made anew from all aliases without touching a fact."""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from sealane.desk.facts import aliases_of, heads, ties_of
from sealane.desk.failures import DeskDamaged
from sealane.desk.folder import numbered
from sealane.desk.identity.linking import link
from sealane.desk.identity.policies import LOOSE, STRICT
from sealane.desk.identity.telling import COLUMNS

if TYPE_CHECKING:
    import numpy.typing as npt

    from sealane.desk.folder import Folder

    Numbers = npt.NDArray[Any]


class AboutMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept beside a map."""

    batches: int
    """Batches of facts whose aliases it has."""
    strict: str
    loose: str
    """The names of the policies."""
    digest: str
    """SHA-256 over both maps, as little-endian numbers of 32 bits, in hex."""
    quarantined: dict[str, int]
    vetoed: int


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """A version of who is who."""

    number: int
    about: AboutMap
    strict: Numbers
    loose: Numbers


def make(folder: Folder) -> IdentityMap:
    """Link all aliases and keep the result as a new version, unless the newest has them already."""
    told = heads(folder)
    there = folder.numbers("maps")
    if there:
        newest = load(folder, there[-1])
        if (newest.about.batches, newest.about.strict, newest.about.loose) == (len(told), STRICT, LOOSE):
            return newest
    linked = link(aliases_of(folder, told).frames(*COLUMNS), folder.seed, ties_of(told))
    strict, loose = linked.strict.astype("<u4", copy=False), linked.loose.astype("<u4", copy=False)
    about = AboutMap(len(told), STRICT, LOOSE, _digest(strict, loose), linked.quarantined, linked.vetoed)
    number = len(there) + 1
    written = io.BytesIO()
    pl.DataFrame({"strict": strict, "loose": loose}).write_parquet(written, compression="zstd", compression_level=1)
    head = msgspec.msgpack.encode(about)
    folder.write(numbered("maps", number), len(head).to_bytes(4, "little") + head + written.getvalue())
    return IdentityMap(number, about, strict, loose)


def load(folder: Folder, number: int) -> IdentityMap:
    """Return a version of the map. Raises `DeskDamaged`."""
    content = folder.read(numbered("maps", number))
    length = int.from_bytes(content[:4], "little")
    about = msgspec.msgpack.decode(content[4 : 4 + length], type=AboutMap)
    table = pl.read_parquet(io.BytesIO(content[4 + length :]))
    strict, loose = table["strict"].to_numpy(), table["loose"].to_numpy()
    if _digest(strict, loose) != about.digest:
        raise DeskDamaged
    return IdentityMap(number, about, strict, loose)


def newest(folder: Folder) -> IdentityMap | None:
    """Return the newest version, if any was made."""
    there = folder.numbers("maps")
    return load(folder, there[-1]) if there else None


def _digest(strict: Numbers, loose: Numbers) -> str:
    digest = sha256(strict.tobytes())
    digest.update(loose.tobytes())
    return digest.hexdigest()
