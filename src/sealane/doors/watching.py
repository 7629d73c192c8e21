"""What a door was told and may say again, as long as the keeper has not said that it may have changed.

Must stay true: nothing counts as told unless its watch has not ended, the connection by which it came still stands, and
nothing of what the keeper has written to it is unread: the keeper writes that something has changed before it answers
anybody else of the change, so whoever asks here after that is never given what was before.
"""

from __future__ import annotations

from typing import Final, Protocol

from sealane.operations.envelope import Answer, WatchesEnded

_ENDED_KEPT_MAX: Final = 4096


class KeeperLine(Protocol):
    """The connection to the keeper, as far as it matters here (`KeeperCaller`)."""

    connection: int
    """Which connection it is; 0 while there is none."""

    @property
    def has_unread(self) -> bool:
        """Whether the keeper may have said something that was not heard yet."""
        ...


class Watching:
    """Which watches have ended. One a process; one event loop."""

    def __init__(self, line: KeeperLine | None, entries_max: int) -> None:
        """Without a `line` nothing ever counts as told. All sessions together remember up to `entries_max` entries."""
        self._line = line
        self._entries_max = entries_max
        self._entries = 0
        self._connection = 0
        self._up_to = 0
        self._ended: set[int] = set()

    @property
    def connection(self) -> int:
        """The connection that stands now: what is asked and answered while it stays the same was told by it."""
        return 0 if self._line is None else self._line.connection

    def notice(self, notice: Answer) -> None:
        """Take note of watches that have ended."""
        if not isinstance(notice, WatchesEnded):
            return
        if self._connection != self.connection:
            self._connection, self._up_to = self.connection, 0
            self._ended.clear()
        self._up_to = max(self._up_to, notice.up_to)
        self._ended.update(notice.watches)
        if len(self._ended) > _ENDED_KEPT_MAX:  # it may end more than has ended: that costs a question
            self._up_to = max(self._up_to, *self._ended)
            self._ended.clear()

    def make_room(self, before: int, now: int) -> bool:
        """Take note that somebody who remembered `before` entries remembers `now`; False where that is too many."""
        if self._entries - before + now > self._entries_max:
            return False
        self._entries += now - before
        return True

    def holds(self, watch: int, connection: int) -> bool:
        """Whether what came by this connection with this watch may be said again now."""
        if self._line is None or not watch or not connection or connection != self._line.connection:
            return False
        if connection == self._connection and (watch <= self._up_to or watch in self._ended):
            return False
        return not self._line.has_unread
