"""How many individuals, of whom, where, with which data: exact under a named policy, and the same each time.

Counting goes alias by alias and file by file into one array, which is then folded from aliases to people; states are
those of the latest dated address of the person, whichever file told it. Pure but for what it is given.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from sealane.desk.facts import REGIONS
from sealane.desk.folding import Folding
from sealane.desk.incidents.scoping import Evidence
from sealane.desk.refusals import NONE
from sealane.desk.runs import slices
from sealane.exposure.model import BIT, Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy.typing as npt

    from sealane.desk.facts import Facts, TakenFile
    from sealane.desk.maps import IdentityMap
    from sealane.desk.refusals import Refusals
    from sealane.desk.runs import Runs

    Numbers = npt.NDArray[Any]

_TOLD_MAX: Final = 10_000


class Unread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something within the scope that could not be read."""

    version_id: str
    part: str
    why: str


class Cited(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an answer was computed from: enough to compute it again."""

    files: str
    """SHA-256 over the exposed versions, their evidence and the digests of their lists."""
    batches: int
    map: int
    map_digest: str
    ledger: int
    """Entries of the ledger that were looked at."""
    checkpoint: str
    refused: int = 0
    """Which lists were refused (`refusals.py`). Left out where none ever was: so older answers stay the same."""


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures of an incident. Individuals are those of counted files; sealed ones always stand apart."""

    people: dict[str, int]
    """strict and loose."""
    evidence: dict[str, int]
    """Files by their evidence."""
    people_by_evidence: dict[str, int]
    """Individuals (strict) by the strongest evidence of a file that they are in."""
    by_owner: dict[str, int]
    by_state: dict[str, int]
    by_class: dict[str, int]
    owners_sum: int
    """What the data owners' counts add up to: an individual of two owners is in it twice."""
    shared: int
    """Individuals of more than one data owner."""
    rows: int
    """Lines about individuals in the files: what is counted by whoever does not know who is who."""
    files: int
    """Files that are counted, and sealed ones."""
    coverage: dict[str, int]
    unreadable: tuple[Unread, ...]
    policy: str
    checkpoint: str
    cited: Cited
    counted: tuple[str, ...] = (Evidence.EXFILTRATED.value, Evidence.REACHABLE.value)
    """The evidence by which an individual counts as affected (`scoping.counted`)."""


@dataclass(frozen=True, slots=True)
class Affected:
    """The individuals behind the figures: for each its first alias, classes, evidence and state."""

    roots: Numbers
    masks: Numbers
    states: Numbers
    figures: Figures = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 over the figures and every individual with their classes."""
        whole = sha256(msgspec.json.encode(self.figures, order="sorted"))
        for array, kind in ((self.roots, "<u4"), (self.masks, "<u4"), (self.states, "<u1")):
            whole.update(np.ascontiguousarray(array, dtype=kind).data)
        return whole.hexdigest()


def affected(
    facts: Facts,
    identity: IdentityMap,
    exposed: Mapping[str, Evidence],
    *,
    counted: Collection[Evidence] = (Evidence.EXFILTRATED, Evidence.REACHABLE),
    owner_now: Callable[[str], str] = str,
    checkpoint: str,
    ledger: int,
    refused: Refusals = NONE,
) -> Affected:
    """Count the individuals of these versions, whose evidence is one that counts. `owner_now`: a data owner's name.

    `refused`: lists of which nothing was taken; their files are not wholly read, whatever else is known of them.
    """
    numbers = facts.file_numbers(list(exposed))
    by_evidence = {
        kind: np.array(
            sorted(numbers[one] for one, told in exposed.items() if told is kind and one in numbers), np.int64
        )
        for kind in Evidence
    }
    runs, count = facts.runs, len(facts.aliases)
    open_files = np.sort(np.concatenate([by_evidence[kind] for kind in sorted(counted)]))
    with ThreadPoolExecutor(1) as beside:  # numpy works outside of Python's lock: one thread here, one beside it
        loosely = beside.submit(_loosely, runs, _first(identity.loose, count), open_files)
        people_of = Folding.of(_first(identity.strict, count))
        owned = beside.submit(_by_owner, runs, people_of, open_files, [owner_now(name) for name in facts.owners])
        classes = {kind: people_of.classes(_gathered(runs, count, by_evidence[kind])) for kind in Evidence}
        people, masks = _everybody([classes[kind] for kind in sorted(counted)])
        by_split = _split(classes)
        classes.clear()  # each as large as the index
        states = _states_of_people(runs, facts.files, people_of)[people]
    found_loose, (owners, shared) = loosely.result(), owned.result()
    shown = {version: kind for version, kind in exposed.items() if kind in counted or kind is Evidence.SEALED}
    figures = Figures(
        people={"strict": len(people), "loose": found_loose},
        evidence={kind.value: sum(told is kind for told in exposed.values()) for kind in Evidence},
        people_by_evidence=by_split,
        by_owner=owners,
        by_state=_by_state(states),
        by_class=_by_class(masks),
        owners_sum=sum(owners.values()),
        shared=shared,
        rows=sum(facts.files[number].records for number in open_files.tolist()),
        files=len(shown),
        coverage=_coverage(facts, numbers, shown, refused),
        unreadable=_unreadable(facts, numbers, shown, refused),
        policy=identity.about.strict,
        checkpoint=checkpoint,
        cited=Cited(
            files=_digest_of_files(facts.files, numbers, exposed, refused),
            batches=facts.batches,
            map=identity.number,
            map_digest=identity.about.digest,
            ledger=ledger,
            checkpoint=checkpoint,
            refused=refused.number,
        ),
        counted=tuple(sorted(counted)),
    )
    return Affected(people, masks, states, figures)


def _first(roots: Numbers, count: int) -> Numbers:
    assert len(roots) >= count, "a map has all aliases of its facts"
    return roots[:count]


def _gathered(runs: Runs, count: int, files: Numbers) -> Numbers | None:
    """Return for each alias the classes of it in these files; 0 for one that is in none. None: there are no files."""
    if not len(files):
        return None
    gathered = np.zeros(count, dtype=np.uint32)
    for run in runs.chosen(files).tolist():
        begin, end = runs.span(run)
        masks = runs.masks[begin:end] | _PRESENT
        for places, aliases in slices(runs.aliases[begin:end]):  # an alias is once in a run
            gathered[aliases] |= masks[places]
    return gathered


def _loosely(runs: Runs, roots: Numbers, files: Numbers) -> int:
    """Return how many individuals are in these files under another map. What that takes is let go of at once."""
    gathered = Folding.of(roots).classes(_gathered(runs, len(roots), files))
    return 0 if gathered is None else int(np.count_nonzero(gathered))


def _everybody(classes: Sequence[Numbers | None]) -> tuple[Numbers, Numbers]:
    """Return the first alias of everybody who is in any of these, and their classes."""
    there = [one for one in classes if one is not None]
    if not there:
        return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.uint32)
    whole = there[0] if len(there) == 1 else np.bitwise_or.reduce(there)
    people = np.concatenate(
        [
            (np.flatnonzero(whole[begin : begin + _AT_ONCE]) + begin).astype(np.uint32)
            for begin in range(0, max(1, len(whole)), _AT_ONCE)  # nobody at all is a stretch too
        ]
    )
    return people, whole[people]


_PRESENT: Final = np.uint32(1 << 31)
"""Set for whoever is in a file at all, whatever classes it has of them."""
_AT_ONCE: Final = 1 << 20


def _split(classes: Mapping[Evidence, Numbers | None]) -> dict[str, int]:
    """Return how many individuals there are by their strongest evidence."""
    found: dict[str, int] = {}
    before: Numbers | None = None
    for kind in (Evidence.EXFILTRATED, Evidence.REACHABLE, Evidence.SEALED):
        gathered = classes[kind]
        found[kind.value] = 0
        if gathered is not None:
            there = gathered != 0
            found[kind.value] = int(np.count_nonzero(there if before is None else there & ~before))
            before = there if before is None else before | there
    return found


def _states_of_people(runs: Runs, files: Sequence[TakenFile], people_of: Folding) -> Numbers:
    """Return for every first alias of a person the state of their latest dated address.

    Of one file it is that of the last fact that tells one.
    """
    dates = np.array([one.stored.timestamp() for one in files] or [0.0])
    place = np.empty(len(dates), dtype=np.uint32)
    place[np.argsort(dates, kind="stable")] = np.arange(len(dates), dtype=np.uint32)
    count = len(people_of.roots)
    latest, told_by = np.zeros(count, dtype=np.uint8), np.zeros(count, dtype=np.uint32)
    for rank, run in enumerate(np.argsort(place[runs.files], kind="stable").tolist(), start=1):
        begin, end = runs.span(run)
        aliases, states = runs.aliases[begin:end], runs.states[begin:end]
        told = states != 0
        if not told.all():
            aliases, states = aliases[told], states[told]
        for places, which in slices(aliases):
            latest[which] = states[places]
            told_by[which] = rank
    return people_of.latest(latest, told_by)


def _by_owner(runs: Runs, people_of: Folding, files: Numbers, names: Sequence[str]) -> tuple[dict[str, int], int]:
    """Return the individuals of each data owner, and how many are of several. `names`: of each owner, as it is now."""
    codes = {name: code for code, name in reversed(list(enumerate(names)))}
    owners = runs.owners
    if len(codes) < len(names):
        owners = np.array([codes[name] for name in names], dtype=owners.dtype)[owners]
    chosen = runs.chosen(files)
    chosen = chosen[np.argsort(owners[chosen], kind="stable")]
    times = np.zeros(len(people_of.roots), dtype=np.uint16)
    found: dict[str, int] = {}
    for part in np.split(chosen, np.flatnonzero(np.diff(owners[chosen])) + 1):
        if len(part):
            spans = (runs.span(run) for run in part.tolist())
            told = people_of.mark(times, (runs.aliases[begin:end] for begin, end in spans))
            found[names[int(owners[part[0]])]] = told
    shared = sum(int(np.count_nonzero(times[begin : begin + _AT_ONCE] > 1)) for begin in range(0, len(times), _AT_ONCE))
    return dict(sorted(found.items())), shared


def _by_class(masks: Numbers) -> dict[str, int]:
    counts = dict.fromkeys(BIT, 0)
    for begin in range(0, len(masks), _AT_ONCE):
        part = masks[begin : begin + _AT_ONCE]
        for kind, bit in BIT.items():
            counts[kind] += int(np.count_nonzero(part & np.uint32(bit)))
    return {kind.value: count for kind, count in counts.items() if count}


def _by_state(states: Numbers) -> dict[str, int]:
    counts = np.zeros(len(REGIONS), dtype=np.int64)
    for begin in range(0, len(states), _AT_ONCE):
        counts += np.bincount(states[begin : begin + _AT_ONCE], minlength=len(REGIONS))
    return {
        name: int(counts[code]) for code, name in sorted(enumerate(REGIONS), key=lambda each: each[1]) if counts[code]
    }


def _coverage(
    facts: Facts, numbers: Mapping[str, int], exposed: Mapping[str, Evidence], refused: Refusals
) -> dict[str, int]:
    found = dict.fromkeys((kind.value for kind in Coverage), 0)
    for version in exposed:
        kind = facts.files[numbers[version]].coverage if version in numbers else Coverage.UNREADABLE.value
        if version in refused.lists and kind == Coverage.COMPLETE:
            kind = Coverage.PARTIAL.value  # an older list of it was taken
        found[kind] = found.get(kind, 0) + 1
    return found


def _unreadable(
    facts: Facts, numbers: Mapping[str, int], exposed: Mapping[str, Evidence], refused: Refusals
) -> tuple[Unread, ...]:
    told: list[Unread] = []
    for version in exposed:
        if version in refused.lists:
            told.append(Unread(version, "", refused.lists[version].why))
        if version not in numbers:
            told += [] if version in refused.lists else [Unread(version, "", "no-list")]
            continue
        file = facts.files[numbers[version]]
        told += (Unread(version, part.part, part.why) for part in file.unreadable)
        if file.coverage == Coverage.UNREADABLE and not file.unreadable:
            told.append(Unread(version, "", "no-list"))
        elif file.people and not file.digest:
            told.append(Unread(version, "", "no-officer"))
    return tuple(told[:_TOLD_MAX])


def _digest_of_files(
    files: Sequence[TakenFile], numbers: Mapping[str, int], exposed: Mapping[str, Evidence], refused: Refusals
) -> str:
    whole = sha256()
    for version, kind in exposed.items():
        told = files[numbers[version]].digest if version in numbers else ""
        why = f"\t{refused.lists[version].why}" if version in refused.lists else ""
        whole.update(f"{version}\t{kind.value}\t{told}{why}\n".encode())
    return whole.hexdigest()
