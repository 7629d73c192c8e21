"""What of a running upload is read back from the store: its own segments, and those of the version before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.errors import NotAllowed
from sealane.vault.extents import HOLE
from sealane.vault.segments import SegmentReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.doors.outgoing import Outgoing
    from sealane.doors.plane import Plane
    from sealane.operations.uploads import UploadOpened
    from sealane.vault.extents import Extent
    from sealane.vault.segments import SegmentPlace


class Stored:
    """The segments of an upload that are durable."""

    __slots__ = ("_plane", "_reader", "base")

    def __init__(self, plane: Plane, opened: UploadOpened, base: Outgoing | None) -> None:
        """Know the segments that the keeper told of, and the keys that it gave."""
        keys = {opened.key_id: opened.key}
        if opened.age is not None:
            keys[opened.age.key_id] = opened.age.key
        self._plane = plane
        self._reader = SegmentReader(plane.store, opened.segments, keys)
        self.base = base
        """The download of the version that the upload goes on from, if its client also reads."""

    def know(self, places: Iterable[SegmentPlace]) -> None:
        """Learn of further segments."""
        for place in places:
            self._reader.know(place)

    async def read(self, run: Extent, offset: int) -> bytes:
        """Return the bytes of a run that belongs at `offset` of the file.

        Raises `NotAllowed` for bytes of an earlier version that was not opened for reading.
        """
        if run.segment == HOLE:
            return bytes(run.length)
        if self._reader.can_open(run.segment):
            target = bytearray(run.length)
            await self._plane.run(lambda: self._reader.read_into(run, target))
            return bytes(target)
        if self.base is None:
            raise NotAllowed("The earlier content of this file was not opened for reading.")
        return await self.base.read_run(run, offset)
