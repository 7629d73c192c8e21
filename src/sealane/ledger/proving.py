"""Proving the ledger that a keeper has: page by page, or section by section, through the verifier; a verdict comes out.

Whoever may ask the administrator's operations can do it: `sealane audit verify`, and the prover that the keeper starts
for somebody at a page (`keeper/prover.py`). What it proves, and what it cannot, is `verifier.py`'s.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
from array import array
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from sealane.errors import Integrity, Missing, SealaneError
from sealane.ledger import sections
from sealane.ledger.notes import VerifierKey, verifier_key
from sealane.ledger.verifier import Expected, Verifier
from sealane.operations.audit import CheckpointsAre, EntriesAre, LedgerIs, LookLedger, ReadCheckpoints, ReadLedger
from sealane.operations.envelope import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sealane.ledger.checkpoints import SavedCheckpoint
    from sealane.ledger.sections import Section
    from sealane.ledger.verdicts import Verdict
    from sealane.operations.envelope import Operation

AnswerT = TypeVar("AnswerT", bound=Answer)
_Task: TypeAlias = tuple[int, int, tuple[int, ...]]
_PAGE_ENTRIES = 2000
_PAGE_CHECKPOINTS = 500
_NO_END = 2**63 - 1
_LONG = 40_000
"""Entries from which on processes of our own are worth their start."""
_PROCESSES_MAX = 16


class Ask(Protocol):
    """Asks one operation of the keeper and returns its answer, of the type named."""

    def __call__(self, operation: Operation, wanted: type[AnswerT]) -> AnswerT:
        """Return the answer, or raise the `SealaneError` that it failed with."""
        ...


def proven(
    ask: Ask,
    saved: list[SavedCheckpoint],
    witnesses: tuple[VerifierKey, ...] = (),
    *,
    database: str = "",
    processes: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Return the verdict on the ledger as it is now. Raises `Integrity`, `Missing` where its end cannot be found.

    `database`: where to read the entries of a long ledger, by so many `processes` (0: one for each processor), instead
    of asking for them. `progress` is told, now and then, how many entries of how many are proven.
    """
    unproven: SealaneError | None = None
    size, signed, origin, key = _NO_END, 0, "", None
    try:
        present = ask(LookLedger(), LedgerIs)
        size, signed = present.size, present.signed
        origin, key = present.origin, verifier_key(present.key)
    except (Integrity, Missing) as problem:  # its end is damaged or gone; the first bad place may be before
        unproven = problem
    sizes = _sizes(ask, max(size, signed)) if unproven is None else array("q")
    expected = Expected(
        origin=origin,
        key=key,
        checkpoints=_checkpoints(ask, sizes),
        saved=saved,
        witnesses=witnesses,
    )
    told = None if progress is None or unproven is not None else functools.partial(_told, progress, size)
    verifier = Verifier(expected, progress=told)
    if database and unproven is None and size >= _LONG:
        wanted = sorted({*sizes, *(kept.checkpoint.size for kept in saved)})
        _by_sections(verifier, ask, size, wanted, database, processes or os.cpu_count() or 1)
    else:
        _by_pages(verifier, ask, 0, size)
    verdict = verifier.verdict()
    if unproven is not None and verdict.whole:
        raise unproven
    return verdict


def _told(progress: Callable[[int, int], None], size: int, done: int) -> None:
    progress(done, size)


def _by_pages(verifier: Verifier, ask: Ask, after: int, last: int) -> bool:
    """Prove the entries past `after` up to `last`, page by page; return whether all is well so far."""
    while True:
        page = ask(ReadLedger(after=after, limit=min(_PAGE_ENTRIES, last - after), nodes=True), EntriesAre)
        if not verifier.feed(page.entries, page.nodes):
            return False
        if page.after <= after or page.after >= last:
            return True
        after = page.after


def _by_sections(verifier: Verifier, ask: Ask, size: int, wanted: Sequence[int], database: str, processes: int) -> None:
    """Prove a long ledger section by section; where one is not sound, entry by entry to the first bad place."""
    tasks = list(sections.tasks(size, wanted))
    with _proving(tasks, database, min(processes, _PROCESSES_MAX)) as found:
        for (after, last, _), section in zip(tasks, found, strict=True):
            if not (verifier.take(section) if section.sound else _by_pages(verifier, ask, after, last)):
                return


@contextlib.contextmanager
def _proving(tasks: list[_Task], database: str, processes: int) -> Iterator[Iterator[Section]]:
    """Give each section, proven in turn: by this process alone, or by several of their own."""
    if processes == 1:
        sections.open_database(database)
        yield map(sections.proven_here, tasks)
        return
    beginning = {"initializer": sections.open_database, "initargs": (database,)}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), **beginning) as pool:
        yield pool.map(sections.proven_here, tasks, chunksize=4)
        pool.shutdown(cancel_futures=True)


def _sizes(ask: Ask, last: int) -> array[int]:
    """Return the sizes of all checkpoints up to the last that counts: none that is made from now on does."""
    return array("q", [size for size, _ in _pages_of_checkpoints(ask) if size <= last])


def _checkpoints(ask: Ask, sizes: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the checkpoints of these sizes, with their notes."""
    counted = set(sizes)
    return (one for one in _pages_of_checkpoints(ask) if one[0] in counted) if counted else iter(())


def _pages_of_checkpoints(ask: Ask) -> Iterator[tuple[int, str]]:
    after = 0
    while True:
        page = ask(ReadCheckpoints(after=after, limit=_PAGE_CHECKPOINTS), CheckpointsAre)
        yield from zip(page.sizes, page.notes, strict=True)
        if page.after <= after:
            return
        after = page.after
