"""The walk through a file and everything inside it: what it is, who is in it, and what could not be read.

`scan` takes a stream; a stream that can seek spares memory for formats that must be read in any order (spreadsheets,
Parquet, PDF, ZIP, 7z), all others are read once from front to end. docs/exposure.md has the table.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealane.exposure.formats import recognize
from sealane.exposure.limits import ExposureLimits
from sealane.exposure.model import Batch, Coverage, Format, Nested, PartUnreadable, Unreadable, Why
from sealane.exposure.people.crowd import Count, Crowd
from sealane.exposure.readers.part import Budget, Part
from sealane.exposure.readers.registry import reader_of
from sealane.exposure.sources import Source
from sealane.exposure.tables.layouts import Layouts

if TYPE_CHECKING:
    from datetime import date

    from sealane.exposure.model import Found
    from sealane.exposure.sources import Readable

_PANIC = "PanicException"
"""What libraries in Rust raise where they give up; it is no `Exception`, and has no name that could be imported."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is in a file: which individuals, which classes of data, and how much of it could be read."""

    file: str
    format: Format
    coverage: Coverage
    unreadable: tuple[Unreadable, ...]
    records: int
    count: Count
    crowd: Crowd = field(repr=False)

    def told(self) -> dict[str, object]:
        """Return what `sealane exposure scan --json` prints."""
        return {
            "file": self.file,
            "format": self.format.value,
            "coverage": self.coverage.value,
            "unreadable": [{"part": each.part, "why": each.why.value} for each in self.unreadable],
            "records": self.records,
            "people": self.count.people,
            "classes": self.count.classes,
            "states": self.count.states,
            "owners": self.count.owners,
        }


def scan(
    stream: Readable,
    name: str,
    *,
    today: date,
    listed: bool = False,
    layouts: Layouts | None = None,
    limits: ExposureLimits | None = None,
) -> Exposure:
    """Read a file from its stream and return what is in it. Never raises for what the file holds.

    `name` helps only where the content leaves two readings open. `listed`: whether the list of people will be asked
    for.
    """
    walk = _Walk(today=today, listed=listed, layouts=layouts or Layouts(), limits=limits or ExposureLimits())
    kind = walk.file(stream, name)
    if not walk.unreadable:
        coverage = Coverage.COMPLETE
    else:
        coverage = Coverage.PARTIAL if walk.parts_read else Coverage.UNREADABLE
    return Exposure(
        file=name,
        format=kind,
        coverage=coverage,
        unreadable=tuple(walk.unreadable),
        records=walk.records,
        count=walk.crowd.count(),
        crowd=walk.crowd,
    )


class _Walk:
    """The state of one scan."""

    def __init__(self, *, today: date, listed: bool, layouts: Layouts, limits: ExposureLimits) -> None:
        self.limits = limits
        self.crowd = Crowd(today=today, seed=secrets.randbits(64), listed=listed, mentions_max=limits.mentions_max)
        self.unreadable: list[Unreadable] = []
        self.records = 0
        self.parts_read = 0
        self._today = today
        self._layouts = layouts
        self._budget = Budget(limits)

    def file(self, stream: Readable, name: str) -> Format:
        """Read the file itself."""
        return self._part(Source(stream, self.limits), name, label=name, inner="", depth=0)

    def _part(self, source: Source, name: str, *, label: str, inner: str, depth: int) -> Format:
        """Read one part, and those inside it.

        `label` is what it is told as, `inner` what the names of parts inside begin with (nothing in the file itself).
        """
        part = Part(
            name=name,
            source=source,
            limits=self.limits,
            budget=self._budget,
            depth=depth,
            today=self._today,
            layouts=self._layouts,
        )
        before = self.records
        try:
            found = recognize(source.head, name)
            part.format = found.format
            reader = reader_of(found)
            self._budget.part()
            for each in reader(part):
                self._take(each, label, inner, depth)
        except PartUnreadable as refused:
            self._tell(label, refused.why, partly=self.records > before)
            return part.format or Format.UNKNOWN
        except (MemoryError, RecursionError):
            self._tell(label, Why.TOO_LARGE, partly=self.records > before)
            return part.format or Format.UNKNOWN
        except BaseException as failure:
            if not isinstance(failure, Exception) and type(failure).__name__ != _PANIC:
                raise
            # Neither its message nor its values: they may be somebody's data.
            log.error("a reader failed on a part: %s at %s", type(failure).__name__, _place_of(failure))  # noqa: TRY400
            self._tell(label, Why.DAMAGED, partly=self.records > before)
            return part.format or Format.UNKNOWN
        self.parts_read += part.holds
        return part.format or Format.UNKNOWN

    def _take(self, found: Found, label: str, inner: str, depth: int) -> None:
        match found:
            case Batch():
                self.records += found.records
                self.crowd.add(found.mentions, day_first=found.day_first)
            case Unreadable():
                self._tell(_within(inner, found.part), found.why, partly=False)
            case Nested():
                if depth >= self.limits.archive_depth_max:
                    self._tell(_within(inner, found.name), Why.TOO_LARGE, partly=False)
                else:
                    label = label if found.alone else _within(inner, found.name)
                    inside = inner if found.alone else label
                    self._part(found.source, found.name, label=label, inner=inside, depth=depth + 1)

    def _tell(self, part: str, why: Why, *, partly: bool) -> None:
        self.parts_read += partly
        told = len(self.unreadable)
        if told < self.limits.unreadable_told_max:
            self.unreadable.append(Unreadable(part, why))
        elif told == self.limits.unreadable_told_max:
            self.unreadable.append(Unreadable("(more parts)", why))


def _place_of(failure: BaseException) -> str:
    """Return where in this program a failure came up."""
    place = ""
    trace = failure.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _within(inner: str, name: str) -> str:
    return f"{inner}/{name}" if inner else name
