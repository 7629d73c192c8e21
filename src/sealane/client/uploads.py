"""Bringing bytes of a known length to the server as parallel parts (tus 1.0 with concatenation), and joining them.

Not here: which bytes (`sending.py`, `sealing.py`). Must stay true: what the server acknowledged is not sent again,
also by another process after this one was killed; a part is asked of the server, never assumed.
"""

from __future__ import annotations

import base64
import contextlib
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.client.events import FileMoved
from sealane.client.failures import AnswerInvalid, ChangedHere, Interrupted
from sealane.client.journals import Journal, UploadJournal
from sealane.client.parts import Part
from sealane.client.positions import Positions
from sealane.client.server import UPLOADS
from sealane.errors import Missing, SealaneError, UploadMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sealane.client.runs import Run
    from sealane.client.server import Reply

_TUS = {"Tus-Resumable": "1.0.0"}
_BEGUN_AGAIN_MAX = 3


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent as parts."""

    name: str
    """What to call it to the user."""
    size: int
    parts: Sequence[Part]
    """How to cut it, where no earlier run has begun to."""
    blocks: Callable[[int, int], Iterator[bytes | bytearray]]
    """Yields the bytes from one place to another."""
    shown: Callable[[int], int]
    """Says how much of the user's file so many bytes of this are."""
    words: Mapping[str, str]
    """The tus metadata of each part."""
    sealing: str = ""
    """The id of the age file that these bytes are of, if they are of one."""


class PartedUpload:
    """One try at sending a content as parts; what an earlier try got acknowledged counts."""

    def __init__(self, run: Run, content: Content, journal: Journal[UploadJournal]) -> None:
        """Go on with the parts that the journal knows of this content, or cut it anew."""
        self._run = run
        self._content = content
        self._journal = journal
        kept = journal.read()
        if kept is None or kept.sealing != content.sealing or not _covers(kept, content.size):
            parts = [(part.start, part.length, "") for part in content.parts]
            kept = UploadJournal(parts=parts, sealing=content.sealing)
        self._parts = [Part(start, length) for start, length, _ in kept.parts]
        self._addresses = [address for _, _, address in kept.parts]
        self.goes_on = any(self._addresses)
        """Something of it was begun by an earlier run."""
        self._addresses_lock = threading.Lock()
        self.positions = Positions(self._parts, [0] * len(self._parts))
        """How far each part is: what was acknowledged, or at least sent."""
        self._beginnings: dict[int, Future[None]] = {}
        """Parts that are begun at the server before a lane comes to them."""
        self._taken: set[int] = set()
        """Parts that a lane has come to, and begins itself where nobody has: no part is begun twice."""
        self._fresh: set[int] = set()
        """Parts that were begun just now: the server has nothing of them, and need not be asked."""
        self._failed = threading.Event()

    def move(self) -> None:
        """Bring all parts to the server."""
        try:
            moving = [self._run.lanes.submit(lambda n=number: self._send_part(n)) for number in range(len(self._parts))]
            finished, unfinished = wait(moving, return_when=FIRST_EXCEPTION)
            if unfinished:
                self._failed.set()
                wait(unfinished)
            wait(self._beginnings.values())
            for future in (*finished, *unfinished):
                future.result()
        finally:
            self._failed.set()

    def join(self, words: Mapping[str, str]) -> Reply:
        """Join the parts into the file; return the answer, which names its version."""
        headers = {
            **_TUS,
            "Upload-Concat": "final;" + " ".join(self._addresses),
            "Upload-Metadata": metadata(words),
        }
        # Joining may be repeated: parts stay until their time is over, so a lost answer costs one version too many.
        return self._run.patiently(self._content.name, lambda: self._run.server.ask("POST", UPLOADS, headers=headers))

    @contextlib.contextmanager
    def thrown_away_on_change(self) -> Iterator[None]:
        """Where the source turns out to have changed, throw the parts away, at the server as far as it is reached."""
        try:
            yield
        except ChangedHere:
            self._journal.forget()
            with contextlib.suppress(SealaneError):
                for address in filter(None, self._addresses):
                    self._run.server.ask("DELETE", address, headers=_TUS)
            raise

    def _send_part(self, number: int) -> None:
        """Bring one part to its end, through every break on the way."""
        part = self._parts[number]
        patience = self._run.patience(self._content.name)
        acknowledged, begun_again = 0, 0
        told: int | None = None
        with self._addresses_lock:
            self._taken.add(number)
        while True:
            self._check()
            try:
                reached = self._offset(number) if told is None else told
                told = None
                if reached > acknowledged:
                    patience.moved()
                acknowledged = reached
                self._moved(number, reached, resumed=True)
                if reached == part.length:
                    return
                self._begin_ahead(number + self._run.settings.parallel)
                told = self._patch(number, reached)
            except UploadMissing:
                begun_again += 1
                if begun_again > _BEGUN_AGAIN_MAX:
                    raise
                self._remember(number, "")
            except SealaneError as error:
                patience.wait_after(error)

    def _offset(self, number: int) -> int:
        """Return how much of a part the server has acknowledged; a part that has no address yet is begun."""
        beginning = self._beginnings.get(number)
        if beginning is not None:
            wait([beginning])  # whether it succeeded is seen by the address
        if not self._addresses[number]:
            self._begin(number)
        if number in self._fresh:
            self._fresh.remove(number)
            return 0
        try:
            reply = self._run.server.ask("HEAD", self._addresses[number], headers=_TUS)
        except Missing as error:
            raise UploadMissing from error
        reached = _offset_of(reply.headers.get("upload-offset", ""), self._parts[number])
        if reached < self._parts[number].length:
            # A dead line may still hold the part: better learn it now than when a whole body was sent in vain.
            self._append(number, reached, 0, b"")
        return reached

    def _begin_ahead(self, number: int) -> None:
        """Have a part begun meanwhile that a lane will come to; where that fails, the lane begins it."""
        if number >= len(self._parts):
            return
        with self._addresses_lock:
            if not self._addresses[number] and number not in self._beginnings and number not in self._taken:
                self._beginnings[number] = self._run.ahead.submit(lambda: self._begin(number))

    def _begin(self, number: int) -> None:
        headers = {
            **_TUS,
            "Upload-Concat": "partial",
            "Upload-Length": str(self._parts[number].length),
            "Upload-Metadata": metadata({**self._content.words, "whole-length": str(self._content.size)}),
        }
        reply = self._run.server.ask("POST", UPLOADS, headers=headers)
        self._fresh.add(number)
        self._remember(number, self._run.server.own_target(reply.headers.get("location", "")))

    def _patch(self, number: int, offset: int) -> int:
        """Send the rest of a part; return how much of it the server has acknowledged."""
        rest = self._parts[number].length - offset
        reached = self._append(number, offset, rest, self._blocks(number, offset))
        if reached <= offset:
            raise AnswerInvalid  # it took the body and acknowledges none of it: to send it again could go on for ever
        return reached

    def _append(self, number: int, offset: int, length: int, content: bytes | Iterator[bytes | bytearray]) -> int:
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        reply = self._run.server.ask("PATCH", self._addresses[number], headers=headers, content=content)
        return _offset_of(reply.headers.get("upload-offset", ""), self._parts[number])

    def _blocks(self, number: int, offset: int) -> Iterator[bytes | bytearray]:
        """Yield the rest of a part, telling how far it is."""
        part = self._parts[number]
        for block in self._content.blocks(part.start + offset, part.end):
            self._check()
            yield block
            offset += len(block)
            self._moved(number, offset)

    def _remember(self, number: int, address: str) -> None:
        with self._addresses_lock:
            self._addresses[number] = address
            parts = [(part.start, part.length, known) for part, known in zip(self._parts, self._addresses, strict=True)]
            self._journal.write(UploadJournal(parts=parts, sealing=self._content.sealing))

    def _moved(self, number: int, to: int, *, resumed: bool = False) -> None:
        content = self._content
        self._run.tell(FileMoved(content.name, content.shown(self.positions.set(number, to)), resumed))

    def _check(self) -> None:
        """End a part because the run was stopped, or because another part of the file has failed."""
        self._run.stop.check()
        if self._failed.is_set():
            raise Interrupted


def metadata(words: Mapping[str, str]) -> str:
    """Return the tus `Upload-Metadata` of these words."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in words.items())


def _covers(kept: UploadJournal, size: int) -> bool:
    """Say whether the parts of a journal make up a content of this size, in order, without gap or overlap."""
    reached = 0
    for start, length, _ in kept.parts:
        if start != reached or length <= 0:
            return False
        reached += length
    return reached == size


def _offset_of(text: str, part: Part) -> int:
    """Return an acknowledged offset, or raise `AnswerInvalid` where it is none of this part."""
    if not text.isascii() or not text.isdigit() or int(text) > part.length:
        raise AnswerInvalid
    return int(text)
