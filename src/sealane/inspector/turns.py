"""Arrivals in turns: a huge one is read a part at a time, and what came after it is not held up.

Lives here: how much is read in one turn, and the digest that goes on in the next one. Not here: whose turn it is (the
keeper leases what was not tried yet first). Must stay true: a digest is gone on with only for bytes that cannot have
changed meanwhile; what is kept of an arrival between its turns opens nothing.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from sealane.settings import SLOT_BYTES
from sealane.vault.segments import SLOTS_PER_READ_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.operations.contents import AnyContent

BUFFER_BYTES: Final = SLOTS_PER_READ_MAX * SLOT_BYTES
"""What is read and hashed at once; as much as the store is asked for at once."""
_KEPT_MAX: Final = 256
"""Digests that wait for their next turn; the oldest begins anew beyond."""


class Stopped(Exception):
    """The inspector is to end; what was being read is left for later."""


class TurnOver(Exception):
    """The others have their turn; this arrival is gone on with afterwards."""


class Turn:
    """How much of one arrival is read before the others are looked at."""

    __slots__ = ("_left", "_stopped")

    def __init__(self, bytes_max: int, stopped: Callable[[], bool]) -> None:
        """Begin a turn; `stopped` says whether the inspector is to end."""
        self._left = bytes_max
        self._stopped = stopped

    def check(self) -> None:
        """Raise `TurnOver`, or `Stopped`, where nothing more is to be begun."""
        self.check_stopped()
        if self._left <= 0:
            raise TurnOver

    def check_stopped(self) -> None:
        """Raise `Stopped` where the inspector is to end; amid what is better finished than begun anew."""
        if self._stopped():
            raise Stopped

    def spend(self, count: int) -> None:
        """Note that so many bytes were read."""
        self._left -= count


class RunningHash:
    """The SHA-256 of a content that is read in order, over as many turns as it takes."""

    __slots__ = ("_hash", "reached")

    def __init__(self) -> None:
        """Begin with the first byte."""
        self._hash = hashlib.sha256()
        self.reached = 0
        """Bytes from the start that are hashed."""

    def add(self, at: int, block: memoryview) -> None:
        """Take a block of the content that begins at `at`; what of it was hashed before counts once."""
        assert at <= self.reached, "a content is hashed without a gap"
        new = block[self.reached - at :]
        self._hash.update(new)
        self.reached += len(new)

    def read_on(self, content: AnyContent, end: int, turn: Turn) -> None:
        """Read and hash up to `end`. Raises what reading raises, `TurnOver`, `Stopped`; it can be gone on with then."""
        buffer = memoryview(bytearray(max(0, min(BUFFER_BYTES, end - self.reached))))
        while self.reached < end:
            turn.check()
            length = content.read_into(self.reached, buffer[: end - self.reached])
            turn.spend(length)
            turn.check_stopped()
            self.add(self.reached, buffer[:length])

    def digest(self) -> bytes:
        """Return the digest of what was hashed."""
        return self._hash.digest()


class Hashes:
    """The digests of arrivals whose turn is not the last: by what they are of, which tells one content from another."""

    def __init__(self) -> None:
        """None is running."""
        self._running: OrderedDict[tuple[str, int], RunningHash] = OrderedDict()

    def of(self, arrival: str, generation: int = 0) -> RunningHash:
        """Return the digest to go on with, or a new one. `generation` is another one once its bytes may be others."""
        running = self._running.setdefault((arrival, generation), RunningHash())
        self._running.move_to_end((arrival, generation))
        while len(self._running) > _KEPT_MAX:
            self._running.popitem(last=False)
        return running

    def drop(self, arrival: str, generation: int = 0) -> None:
        """Forget the digest of an arrival that was answered."""
        self._running.pop((arrival, generation), None)
