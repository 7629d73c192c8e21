"""The drill's words: for an administrator who reads along. Each line says what was just seen, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.desk.incidents.reconciling import Why
from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.kinds import with_article
from sealane.drill.invented import FAX, FILES, ORGANIZATION
from sealane.drill.thefts import TAKEN_BY_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sealane.desk.incidents.deadlines import Duty
    from sealane.desk.incidents.reconciling import Contradiction
    from sealane.desk.taking import Taken
    from sealane.drill.answers import Answered, Check, Written
    from sealane.drill.thefts import Loot

    Say = Callable[[str], None]

_MIB: Final = 1 << 20
_WIDTH: Final = 28


def opening(say: Say, place: Path) -> None:
    """Say what will happen, and that nothing of it is real."""
    say("A break-in, played against a real server that this command starts for itself. Everybody in it is invented;")
    say(f"all of it lies in {place} and is removed at the end.")


def house(say: Say, seconds: float) -> None:
    """Say what was there to steal."""
    _head(say, f"The {ORGANIZATION} before the night ({seconds:.0f} s to start a server, send the files, read them)")
    for file in FILES:
        kind = "sealed: the server cannot open it" if file.sealed else "ordinary: encrypted, the server has the key"
        _row(say, file.path, f"{len(file.people)} people; {kind}" if file.people else f"a fax as a picture; {kind}")


def first_theft(say: Say, user: str, got: Mapping[str, int]) -> None:
    """Say what the stolen account did."""
    _head(say, f"At night, the first thief: a stolen token of {user}")
    for file in TAKEN_BY_ACCOUNT:
        size = got[file.path]
        whole = size >= len(file.content())
        _row(say, file.path, f"downloads {size:,} bytes" + ("" if whole else ", then breaks off in the middle"))


def second_theft(say: Say, loot: Loot) -> None:
    """Say what a copy of the disk was good for."""
    _head(say, "The same night, the second thief: root on the server, who copies the whole data directory")
    say(f"  {loot.files} files, {loot.size / _MIB:.1f} MiB, and the node's keys. They open it with Sealane's own code,")
    say("  make themselves an account, and grant it every folder.")
    ordinary = len(loot.opened) + sum(not file.sealed and file.path in loot.shut for file in FILES)
    tried = "the stolen key was" if loot.keys_tried == 1 else f"{loot.keys_tried} stolen keys were"
    clear = f"in clear in {loot.clear} files" if loot.clear else "no name and no Social Security number in clear"
    _row(say, "ordinary files", f"{len(loot.opened)} of {ordinary} open: the server needs their keys to hand them out")
    _row(
        say,
        "sealed files",
        f"{len(loot.shut)} of {len(loot.shut)} stay shut: {tried} tried; the right one was never here",
    )
    _row(say, "who is in which file", f"{loot.lists} lists, {loot.lists_opened} open: sealed to the privacy officer")
    _row(say, "every stored byte", f"searched for everybody in the files: {clear}")
    _row(
        say,
        "the copy without keys/",
        f"{loot.opened_without_keys} of {len(FILES)} files open: such is a lost disk, or a backup",
    )
    say("  What they do see: names of files and users, sizes, times, and how many people are in each file.")


def proof(say: Say, taken: Taken, seconds: float) -> None:
    """Say what was proven before anything was counted."""
    _head(say, "In the morning, the privacy officer, with the key that no server has")
    tellings = len(taken.facts.aliases)
    people = len(set(taken.map.strict.tolist())) if taken.map is not None else 0
    history, files = taken.history, len(taken.facts.files)
    say(f"  Proven: the ledger's {history.size} entries by its signed checkpoint, each people list by the ledger.")
    say(f"  {files} lists tell of somebody in {tellings} ways; they are {people} people ({seconds:.1f} s).")


def first_answer(say: Say, answered: Answered, contradictions: Sequence[Contradiction]) -> None:
    """Say who is affected by the stolen account."""
    figures = answered.figures
    _head(say, f"What the stolen account took: the data of {figures.people['strict']} people")
    _split(say, answered)
    more = figures.people_by_evidence
    _row(
        say,
        "could have read, did not",
        f"{more['reachable']} people more, in {figures.evidence['reachable']} file within its rights; not counted",
    )
    _row(
        say,
        "left as ciphertext",
        f"{more['sealed']} people more, in {figures.evidence['sealed']} sealed file; not counted, counsel decides",
    )
    _row(
        say, "could not be read", f"{FAX.path}: so it is at least {figures.people['strict']}, and every figure says so"
    )
    below = [one for one in contradictions if one.why is Why.BELOW_UNION]
    for one in below:
        _row(say, "contradicted at once", one.sentence)


def notices(say: Say, written: Written, seconds: float, first: Duty | None) -> None:
    """Say what was written, and what one of the letters says."""
    letters, files = sum(written.made.letters.values()), len(written.made.files)
    _row(say, "written", f"{letters} letters, one for each of them; {files} files in all, signed ({seconds:.1f} s)")
    one = written.quoted
    for place, part in enumerate(one.files):
        classes = ", ".join(in_words(kind) for kind in part.classes)
        head = f"to {one.name}:" if place == 0 else ""
        _row(say, head, f"{with_article(part.kind)} of {part.owner}: {classes}")
    if first is not None:
        sure = " (confirm with counsel)" if first.unsure else ""
        _row(say, "owed first", f"to {first.rule.to} in {first.where}, by {first.due}: {first.rule.citation}{sure}")


def second_answer(say: Say, answered: Answered) -> None:
    """Say who is affected by the copied disk."""
    figures = answered.figures
    _head(say, f"What the copied disk may have told: the data of {figures.people['strict']} people")
    say("  A copy of a disk leaves no entry in any ledger. So the answer is the worst case: all that lay there then.")
    _split(say, answered)
    _row(
        say,
        "sealed",
        f"{figures.people_by_evidence['sealed']} people more lay there as ciphertext only; counsel decides",
    )


def kept(say: Say, place: Path) -> None:
    """Say where the notices are."""
    say(f"  The notices are in {place}; begin with report.html.")


def verdict(say: Say, checks: Sequence[Check], answer_seconds: float, seconds: float) -> None:
    """Say whether it was exact."""
    wrong = [check for check in checks if not check.exact]
    if wrong:
        _head(say, f"NOT EXACT: {len(wrong)} of {len(checks)} figures are not what the drill had put in")
        for check in wrong:
            say(f"  {check.what}: known {check.expected}, found {check.found}")
        return
    _head(say, f"EXACT: all {len(checks)} figures are what the drill had put in, and came out the same a second time.")
    say(f"  From the theft to the last letter {answer_seconds:.0f} s; the whole drill {seconds:.0f} s.")


def _split(say: Say, answered: Answered) -> None:
    figures = answered.figures
    owners = ", ".join(f"{owner} {count}" for owner, count in figures.by_owner.items())
    _row(say, "by data owner", f"{owners}; {figures.shared} are of both and counted once")
    _row(say, "by state", ", ".join(f"{state} {count}" for state, count in figures.by_state.items()))
    kinds = sorted(figures.by_class.items(), key=lambda each: (-each[1], each[0]))
    _row(say, "by kind of data", ", ".join(f"{in_words(kind)} {count}" for kind, count in kinds))


def _head(say: Say, text: str) -> None:
    say("")
    say(text)


def _row(say: Say, what: str, text: str) -> None:
    say(f"  {what:<{_WIDTH}} {text}")
