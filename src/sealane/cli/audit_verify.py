"""The work of `sealane audit verify`: the ledger page by page through the verifier, and the verdict in words."""

from __future__ import annotations

import functools
import multiprocessing
import os
from array import array
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import click

from sealane.cli.audit import LedgerDamaged
from sealane.errors import Integrity, Missing, SealaneError
from sealane.ledger import sections
from sealane.ledger.notes import VerifierKey, verifier_key
from sealane.ledger.verifier import Expected, Verifier
from sealane.operations.audit import CheckpointsAre, EntriesAre, LedgerIs, LookLedger, ReadCheckpoints, ReadLedger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.cli.asking import Ask
    from sealane.ledger.checkpoints import SavedCheckpoint
    from sealane.ledger.verifier import Verdict

_PAGE_ENTRIES = 2000
_PAGE_CHECKPOINTS = 500
_NO_END = 2**63 - 1
_LONG = 40_000
"""Entries from which on processes of our own are worth their start."""
_PROCESSES_MAX = 16


def proven(
    ask: Ask,
    saved: list[SavedCheckpoint],
    witnesses: tuple[VerifierKey, ...] = (),
    *,
    database: str = "",
    show: bool,
) -> Verdict:
    """Return the verdict on the ledger as it is now; `show` tells on stderr how far it is.

    `database`: where to read the entries of a long ledger by processes of our own, instead of asking for them.
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
    told = functools.partial(_show_progress, size) if show and unproven is None else None
    verifier = Verifier(expected, progress=told)
    if database and unproven is None and size >= _LONG:
        wanted = sorted({*sizes, *(kept.checkpoint.size for kept in saved)})
        _by_sections(verifier, ask, size, wanted, database)
    else:
        _by_pages(verifier, ask, 0, size)
    if show:
        click.echo("", err=True)
    verdict = verifier.verdict()
    if unproven is not None and verdict.whole:
        raise LedgerDamaged(unproven.sentence) if isinstance(unproven, Integrity) else unproven
    return verdict


def _by_pages(verifier: Verifier, ask: Ask, after: int, last: int) -> bool:
    """Prove the entries past `after` up to `last`, page by page; return whether all is well so far."""
    while True:
        page = ask(ReadLedger(after=after, limit=min(_PAGE_ENTRIES, last - after), nodes=True), EntriesAre)
        if not verifier.feed(page.entries, page.nodes):
            return False
        if page.after <= after or page.after >= last:
            return True
        after = page.after


def _by_sections(verifier: Verifier, ask: Ask, size: int, wanted: Sequence[int], database: str) -> None:
    """Prove a long ledger by all processors; where a section is not sound, entry by entry to the first bad place."""
    count = min(os.cpu_count() or 1, _PROCESSES_MAX)
    beginning = {"initializer": sections.open_database, "initargs": (database,)}
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), **beginning) as processes:
        tasks = list(sections.tasks(size, wanted))
        for (after, last, _), section in zip(
            tasks, processes.map(sections.proven_here, tasks, chunksize=4), strict=True
        ):
            if not (verifier.take(section) if section.sound else _by_pages(verifier, ask, after, last)):
                processes.shutdown(cancel_futures=True)
                return


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


def in_words(verdict: Verdict) -> list[str]:
    """Say what is proven, and what is not."""
    if verdict.damage is not None:
        return [f"Proven up to entry {verdict.size}, and no further."]
    said = [f"The ledger is whole: {verdict.size} entries, none is missing or altered."]
    tail = verdict.size - verdict.signed
    said.append(
        f"{verdict.checkpoints} signed checkpoints hold, the newest over {verdict.signed} entries;"
        + (f" the {tail} after it are under no signature yet." if tail else " nothing comes after it.")
    )
    if verdict.crashes:
        at = ", ".join(map(str, verdict.crashes[-5:]))
        said.append(
            f"After {_count(len(verdict.crashes), 'crash', 'crashes')} a signing key began anew: at entry {at}."
        )
    said += _from_outside(verdict)
    said.append(f"Names kept beside the entries: {verdict.opened} fit what was recorded, {verdict.erased} are erased.")
    if verdict.clock_set_back is not None:
        said.append(f"The clock was set back before entry {verdict.clock_set_back}.")
    return said


def _from_outside(verdict: Verdict) -> list[str]:
    """Say what those prove that this server cannot reach: saved checkpoints and witnesses."""
    said: list[str] = []
    if verdict.saved:
        largest = max(checkpoint.size for checkpoint in verdict.saved)
        lie = _count(len(verdict.saved), "saved checkpoint lies", "saved checkpoints lie")
        said.append(f"{lie} on it: entries 1 to {largest} are those that were there then.")
    by_size = sorted(verdict.witnessed.values(), reverse=True)
    for number, size in enumerate(by_size, 1):
        if number == len(by_size) or by_size[number] != size:
            said.append(f"Covered up to {size} by {_count(number, 'witness', 'witnesses')}.")
    covered = max([*by_size, *(checkpoint.size for checkpoint in verdict.saved)], default=0)
    if not covered:
        said.append(
            "No witness and no saved checkpoint speaks for it: whoever has this server's keys could have rewritten it."
            " Save one elsewhere: sealane audit checkpoint --out FILE."
        )
    elif covered < verdict.size:
        said.append(f"Nobody outside speaks for the entries after {covered}.")
    return said


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def row_of(verdict: Verdict) -> dict[str, object]:
    """Return the verdict for programs."""
    damage = verdict.damage
    return {
        "whole": damage is None,
        "size": verdict.size,
        "root": verdict.root.hex(),
        "signed": verdict.signed,
        "signed_checkpoints": verdict.checkpoints,
        "checkpoints": [checkpoint.size for checkpoint in verdict.saved],
        "witnessed": verdict.witnessed,
        "opened": verdict.opened,
        "erased": verdict.erased,
        "crashes": list(verdict.crashes),
        "clock_set_back": verdict.clock_set_back,
        "damage": None if damage is None else {"seq": damage.seq, "until": damage.until, "why": damage.why.value},
    }


def _show_progress(size: int, done: int) -> None:
    click.echo(f"\r{done} of {size} entries proven", err=True, nl=False)
