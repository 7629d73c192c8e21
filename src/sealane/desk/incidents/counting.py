"""How many individuals, of whom, where, with which data: exact under a named policy, and the same each time.

Counting goes alias by alias and file by file into one array, which is then folded from aliases to people; states are
those of the latest dated address of the person, whichever file told it. Pure but for what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from sealane.desk.facts import REGIONS, spans
from sealane.desk.incidents.scoping import Evidence
from sealane.exposure.model import BIT, Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from sealane.desk.facts import Facts, TakenFile
    from sealane.desk.maps import IdentityMap

    Numbers = npt.NDArray[Any]

_TOLD_MAX: Final = 10_000


class Unread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something within the scope that could not be read."""

    version_id: str
    part: str
    why: str


class Cited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer was computed from: enough to compute it again."""

    files: str
    """SHA-256 over the exposed versions, their evidence and the digests of their lists."""
    batches: int
    map: int
    map_digest: str
    ledger: int
    """Entries of the ledger that were looked at."""
    checkpoint: str


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
            whole.update(array.astype(kind).tobytes())
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
) -> Affected:
    """Count the individuals of these versions, whose evidence is one that counts. `owner_now`: a data owner's name."""
    numbers = facts.file_numbers(list(exposed))
    by_evidence = {
        kind: np.array(
            sorted(numbers[one] for one, told in exposed.items() if told is kind and one in numbers), np.int64
        )
        for kind in Evidence
    }
    roots = _first(identity.strict, len(facts.aliases))
    runs = _Runs.of(facts)
    open_files = np.sort(np.concatenate([by_evidence[kind] for kind in sorted(counted)]))
    loose = _folded(_gathered(runs, len(roots), open_files), _first(identity.loose, len(roots)))
    found_loose = int(np.count_nonzero(loose))
    del loose  # as large as the index
    classes = {
        kind: _folded(_gathered(runs, len(roots), by_evidence[kind]), roots)
        for kind in (Evidence.EXFILTRATED, Evidence.REACHABLE)
    }
    everybody = np.bitwise_or.reduce([classes[kind] for kind in sorted(counted)])
    people = np.flatnonzero(everybody)
    masks = everybody[people]
    states = _states_of_people(runs, facts.files, roots)[people]
    shown = {version: kind for version, kind in exposed.items() if kind in counted or kind is Evidence.SEALED}
    owners, shared = _by_owner(runs, roots, open_files, [owner_now(name) for name in facts.owners])
    sealed = _folded(_gathered(runs, len(roots), by_evidence[Evidence.SEALED]), roots)
    figures = Figures(
        people={"strict": len(people), "loose": found_loose},
        evidence={kind.value: sum(told is kind for told in exposed.values()) for kind in Evidence},
        people_by_evidence=_split(classes, sealed),
        by_owner=owners,
        by_state=_by_state(states),
        by_class={kind.value: n for kind, bit in BIT.items() if (n := int(np.count_nonzero(masks & bit)))},
        owners_sum=sum(owners.values()),
        shared=shared,
        rows=sum(facts.files[number].records for number in open_files.tolist()),
        files=len(shown),
        coverage=_coverage(facts, numbers, shown),
        unreadable=_unreadable(facts, numbers, shown),
        policy=identity.about.strict,
        checkpoint=checkpoint,
        cited=Cited(
            files=_digest_of_files(facts.files, numbers, exposed),
            batches=facts.batches,
            map=identity.number,
            map_digest=identity.about.digest,
            ledger=ledger,
            checkpoint=checkpoint,
        ),
        counted=tuple(sorted(counted)),
    )
    return Affected(people, masks, states, figures)


def _first(roots: Numbers, count: int) -> Numbers:
    assert len(roots) >= count, "a map has all aliases of its facts"
    return roots[:count]


@dataclass(frozen=True, slots=True)
class _Runs:
    """The facts as plain columns, and where each run of one file and one owner begins in them."""

    begins: Numbers
    """One more than there are runs: the last is the end."""
    files: Numbers
    owners: Numbers
    aliases: Numbers
    masks: Numbers
    states: Numbers

    @classmethod
    def of(cls, facts: Facts) -> _Runs:
        """Return those of a table of facts."""
        begins, files, owners = spans(facts.table)
        columns = (facts.table[name].to_numpy() for name in ("alias", "mask", "state"))
        return cls(begins, files, owners, *columns)

    def of_files(self, files: Numbers) -> Iterator[tuple[int, int]]:
        """Yield begin and end of each run of these files."""
        chosen = np.flatnonzero(np.isin(self.files, files))
        yield from zip(self.begins[chosen].tolist(), self.begins[chosen + 1].tolist(), strict=True)


def _gathered(runs: _Runs, count: int, files: Numbers) -> Numbers:
    """Return for each alias the classes of it in these files; 0 for one that is in none."""
    gathered = np.zeros(count, dtype=np.uint32)
    if len(files):
        for begin, end in runs.of_files(files):
            gathered[runs.aliases[begin:end]] |= runs.masks[begin:end] | _PRESENT  # an alias is once in a run
    return gathered


def _folded(gathered: Numbers, roots: Numbers) -> Numbers:
    """Fold what was gathered of aliases onto the first alias of each person, in place."""
    others = np.flatnonzero((roots != np.arange(len(roots), dtype=roots.dtype)) & (gathered != 0))
    others = others[np.argsort(roots[others], kind="stable")]
    if len(others):
        begins = np.flatnonzero(np.concatenate(([True], roots[others][1:] != roots[others][:-1])))
        gathered[roots[others][begins]] |= np.bitwise_or.reduceat(gathered[others], begins)
    gathered[others] = 0
    return gathered


_PRESENT: Final = np.uint32(1 << 31)
"""Set for whoever is in a file at all, whatever classes it has of them."""


def _split(classes: Mapping[Evidence, Numbers], sealed: Numbers) -> dict[str, int]:
    left, reach = classes[Evidence.EXFILTRATED] != 0, classes[Evidence.REACHABLE] != 0
    return {
        Evidence.EXFILTRATED.value: int(np.count_nonzero(left)),
        Evidence.REACHABLE.value: int(np.count_nonzero(reach & ~left)),
        Evidence.SEALED.value: int(np.count_nonzero((sealed != 0) & ~left & ~reach)),
    }


def _states_of_people(runs: _Runs, files: Sequence[TakenFile], roots: Numbers) -> Numbers:
    """Return for every first alias of a person the state of their latest dated address."""
    dates = np.array([one.stored.timestamp() for one in files] or [0.0])
    place = np.empty(len(dates), dtype=np.uint32)
    place[np.argsort(dates, kind="stable")] = np.arange(len(dates), dtype=np.uint32)
    latest = np.zeros(len(roots), dtype=np.uint8)
    for run in np.argsort(place[runs.files], kind="stable").tolist():
        begin, end = runs.begins[run], runs.begins[run + 1]
        aliases, states = runs.aliases[begin:end], runs.states[begin:end]
        told = states != 0
        if not told.all():
            aliases, states = aliases[told], states[told]
        latest[roots[aliases]] = states
    return latest


def _by_owner(runs: _Runs, roots: Numbers, files: Numbers, names: Sequence[str]) -> tuple[dict[str, int], int]:
    """Return the individuals of each data owner, and how many are of several. `names`: of each owner, as it is now."""
    codes = {name: code for code, name in reversed(list(enumerate(names)))}
    owners = runs.owners
    if len(codes) < len(names):
        owners = np.array([codes[name] for name in names], dtype=owners.dtype)[owners]
    chosen = np.flatnonzero(np.isin(runs.files, files))
    chosen = chosen[np.argsort(owners[chosen], kind="stable")]
    times = np.zeros(len(roots), dtype=np.uint16)
    found: dict[str, int] = {}
    edges = np.flatnonzero(np.diff(owners[chosen])) + 1
    for part in np.split(chosen, edges):
        if not len(part):
            continue
        spans_of_it = zip(runs.begins[part].tolist(), runs.begins[part + 1].tolist(), strict=True)
        people = _once(roots[np.concatenate([runs.aliases[begin:end] for begin, end in spans_of_it])])
        times[people] += 1
        found[names[int(owners[part[0]])]] = len(people)
    return dict(sorted(found.items())), int(np.count_nonzero(times > 1))


def _once(values: Numbers) -> Numbers:
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _by_state(states: Numbers) -> dict[str, int]:
    counts = np.bincount(states, minlength=len(REGIONS))
    return {
        name: int(counts[code]) for code, name in sorted(enumerate(REGIONS), key=lambda each: each[1]) if counts[code]
    }


def _coverage(facts: Facts, numbers: Mapping[str, int], exposed: Mapping[str, Evidence]) -> dict[str, int]:
    found = dict.fromkeys((kind.value for kind in Coverage), 0)
    for version in exposed:
        kind = facts.files[numbers[version]].coverage if version in numbers else Coverage.UNREADABLE.value
        found[kind] = found.get(kind, 0) + 1
    return found


def _unreadable(facts: Facts, numbers: Mapping[str, int], exposed: Mapping[str, Evidence]) -> tuple[Unread, ...]:
    told: list[Unread] = []
    for version in exposed:
        if version not in numbers:
            told.append(Unread(version, "", "no-list"))
            continue
        file = facts.files[numbers[version]]
        told += (Unread(version, part.part, part.why) for part in file.unreadable)
        if file.coverage == Coverage.UNREADABLE and not file.unreadable:
            told.append(Unread(version, "", "no-list"))
        elif file.people and not file.digest:
            told.append(Unread(version, "", "no-officer"))
    return tuple(told[:_TOLD_MAX])


def _digest_of_files(files: Sequence[TakenFile], numbers: Mapping[str, int], exposed: Mapping[str, Evidence]) -> str:
    whole = sha256()
    for version, kind in exposed.items():
        told = files[numbers[version]].digest if version in numbers else ""
        whole.update(f"{version}\t{kind.value}\t{told}\n".encode())
    return whole.hexdigest()
