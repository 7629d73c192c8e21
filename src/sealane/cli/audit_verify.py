"""The work of `sealane audit verify`: what is said of the proof (`ledger/proving.py`), for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealane.cli.audit import LedgerDamaged
from sealane.errors import Integrity
from sealane.ledger import proving

if TYPE_CHECKING:
    from sealane.cli.asking import Ask
    from sealane.ledger.checkpoints import SavedCheckpoint
    from sealane.ledger.notes import VerifierKey
    from sealane.ledger.verdicts import Verdict


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
    try:
        return proving.proven(ask, saved, witnesses, database=database, progress=_show_progress if show else None)
    except Integrity as problem:
        raise LedgerDamaged(problem.sentence) from None
    finally:
        if show:
            click.echo("", err=True)


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


def _show_progress(done: int, size: int) -> None:
    click.echo(f"\r{done} of {size} entries proven", err=True, nl=False)
