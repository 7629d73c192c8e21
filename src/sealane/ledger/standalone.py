"""`sealane-verify`: proves an exported ledger, or the proof of one entry, with nothing but Python and `cryptography`.

One file, for the outsider who trusts nothing of ours: copy it, read it, run it (`python3 standalone.py export DIR`). It
shares no line with the server's own verifier and follows docs/formats/ledger.md alone; a test holds the two together.
Exit code 0: proven; 5: damaged or not signed as it must be; 2: wrong usage; 1: something could not be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

SIGNED, COSIGNED = 1, 4
FILE_BYTES_MAX = 1 << 20
HASH_BYTES = 32
TILE = 256
TILE_HEIGHT = 8
PROOF_HASHES_MAX = 63
RUN = 16
"""Bundles that a process proves at once."""
OK, FAILED, DAMAGED = 0, 1, 5
NOT_OF_THIS_FORMAT = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


class Wrong(Exception):
    """Something is not what was signed; the message says what and where."""


class Gone(Wrong):
    """A file of the tree is not there."""


class Key(NamedTuple):
    """A verifier key: whose signatures count."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Return the four bytes by which a signature names it."""
        return sha256(f"{self.name}\n".encode(), bytes((self.kind,)), self.public)[:4]


class Note(NamedTuple):
    """A checkpoint with its signatures."""

    origin: str
    size: int
    root: bytes
    text: str
    lines: tuple[tuple[str, bytes, bytes], ...]
    """Name, key id and signature."""


def sha256(*parts: bytes) -> bytes:
    """Return the digest of these, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def key_of(text: str) -> Key:
    """Read a verifier key, `NAME+ID+BASE64`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decoded(encoded)
    if not name or len(material) != 1 + HASH_BYTES or material[0] not in {SIGNED, COSIGNED}:
        raise Wrong(f"{text[:60]!r} is not an Ed25519 verifier key.")
    key = Key(name, material[0], material[1:])
    if key.id.hex() != key_id:
        raise Wrong(f"The verifier key of {name} is damaged: its id does not fit.")
    return key


def note_of(text: str) -> Note:
    """Read a checkpoint. Proves nothing."""
    shown, gap, below = text.rpartition("\n\n")
    lines = shown.split("\n")
    if not gap or len(lines) < 3 or not lines[1].isdecimal() or not below.endswith("\n"):  # noqa: PLR2004 - origin, size, root
        raise Wrong("What is kept as a checkpoint is none.")
    signatures = []
    for line in below[:-1].split("\n"):
        dash, name, blob = (*line.split(" "), "", "", "")[:3]
        raw = decoded(blob)
        if dash != "—" or not name or len(raw) <= 4:  # noqa: PLR2004 - the key id
            raise Wrong("A signature line of a checkpoint is malformed.")
        signatures.append((name, raw[:4], raw[4:]))
    root = decoded(lines[2])
    if len(root) != HASH_BYTES:
        raise Wrong("What is kept as a checkpoint is none: its root is no digest.")
    return Note(lines[0], int(lines[1]), root, shown + "\n", tuple(signatures))


def signed_by(note: Note, key: Key) -> bool:
    """Return whether the key signed this; a wrong signature of a known key is `Wrong`."""
    found = False
    for name, key_id, signature in note.lines:
        if (name, key_id) != (key.name, key.id):
            continue
        message, raw = note.text.encode(), signature
        if key.kind == COSIGNED:
            message = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8], "big") + message
            raw = signature[8:]
        check(key.public, raw, message, f"The checkpoint of {note.size} entries has a wrong signature of {name}.")
        found = True
    return found


def check(public: bytes, signature: bytes, message: bytes, otherwise: str) -> None:
    """Raise `Wrong` unless this is the key's signature over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Wrong(otherwise) from None


def decoded(text: str) -> bytes:
    """Return what this is the base64 of, nothing where it is not."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


class Tree:
    """A growing Merkle tree (RFC 6962, section 2.1), as the roots of its complete subtrees."""

    def __init__(self) -> None:
        """Begin empty."""
        self.size = 0
        self.tiles: list[bytes] = []
        """The root over each full tile of leaves."""
        self._stack: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        height = 0
        while self._stack and self._stack[-1][0] == height:
            leaf = sha256(b"\x01", self._stack.pop()[1], leaf)
            height += 1
            if height == TILE_HEIGHT:
                self.tiles.append(leaf)
        self._stack.append((height, leaf))
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves."""
        if not self._stack:
            return sha256()
        root = self._stack[-1][1]
        for _, left in reversed(self._stack[:-1]):
            root = sha256(b"\x01", left, root)
        return root


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 6962, 2.1.1, read from the leaf up); b"" for no proof."""
    if not 0 <= index < size or len(path) > PROOF_HASHES_MAX:
        return b""
    sides: list[bool] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        sides.append(index >= middle)
        low, high = (middle, high) if index >= middle else (low, middle)
    if len(sides) != len(path):
        return b""
    for sibling, right in zip(path, reversed(sides), strict=True):
        leaf = sha256(b"\x01", sibling, leaf) if right else sha256(b"\x01", leaf, sibling)
    return leaf


def opens(body: dict[str, Any], name: str, salt: str, value: str) -> bool:
    """Return whether an opening fits its commitment in the body."""
    field = name.encode()
    try:
        hashed = sha256(b"\x02", bytes.fromhex(salt), bytes((len(field),)), field, value.encode())
    except ValueError:
        return False
    private = body.get("private", {})
    return isinstance(private, dict) and private.get(name) == hashed.hex()


# --- an exported ledger ----------------------------------------------------------------------------------------------


def tile_paths(count: int) -> Iterator[str]:
    """Yield where the bundles of so many entries lie (C2SP tlog-tiles)."""
    for number in range((count + TILE - 1) // TILE):
        groups, rest = [f"{number % 1000:03}"], number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        width = min(TILE, count - number * TILE)
        yield "/".join(groups) + ("" if width == TILE else f".p/{width}")


def bodies_of(folder: Path, places: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the body of each entry in these bundles, and the leaf that its tile has."""
    for place in places:
        bundle, leaves = stored(folder, f"tile/entries/{place}"), stored(folder, f"tile/0/{place}")
        start = at = 0
        while start < len(bundle):
            length = int.from_bytes(bundle[start : start + 2], "big")
            yield bundle[start + 2 : start + 2 + length], leaves[at : at + HASH_BYTES]
            start, at = start + 2 + length, at + HASH_BYTES
        if start != len(bundle) or at != len(leaves):
            raise Wrong(f"The bundle {place} and its tile do not have the same entries.")


def stored(folder: Path, name: str) -> bytes:
    """Return a file of the export's tree."""
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise Gone(f"The file {name} is not there.") from None


class Run(NamedTuple):
    """Some bundles, each entry proven by itself, up to what is wrong."""

    leaves: list[bytes]
    appointed: dict[int, dict[str, Any]]
    """Entries that name a signing key."""
    names: int
    wrong: str


def run_of(folder: Path, places: Sequence[str], first: int, lines: Sequence[str]) -> Run:
    """Prove the entries of these bundles, the first of which has this number; in a process of its own, if it likes."""
    run = Run([], {}, 0, "")
    names, wrong = 0, ""
    try:
        for body, leaf in bodies_of(folder, places):
            place = len(run.leaves)
            said, opened = entry_of(
                first + place, body, leaf, json.loads(lines[place] if place < len(lines) else "null")
            )
            if said["kind"] == "signing_key_set":
                run.appointed[first + place] = said
            run.leaves.append(leaf)
            names += opened
    except Gone as problem:
        wrong = f"Entries are gone from {first + len(run.leaves)} on. {problem}"
    except Wrong as problem:
        wrong = str(problem)
    except NOT_OF_THIS_FORMAT as problem:
        wrong = f"Entry {first + len(run.leaves)} is not of this format ({type(problem).__name__})."
    return run._replace(names=names, wrong=wrong)


def entry_of(seq: int, body: bytes, leaf: bytes, line: Any) -> tuple[dict[str, Any], int]:
    """Return what an entry says, and how many names kept beside it fit."""
    if sha256(b"\x00", body) != leaf:
        raise Wrong(f"Entry {seq} is not what was written: its body does not give its leaf.")
    said = json.loads(body)
    if not isinstance(line, dict) or (line.get("seq"), line.get("body"), line.get("leaf")) != (seq, said, leaf.hex()):
        raise Wrong(f"The line of entry {seq} in ledger.jsonl is not that entry.")
    for name, value in line["names"].items():
        if not opens(said, name, line["salts"].get(name, ""), value):
            raise Wrong(f"A name kept beside entry {seq} is not the one that was recorded: {name}.")
    return said, len(line["names"])


def runs(tasks: Iterable[tuple[Path, Sequence[str], int, list[str]]], processes: int) -> Iterator[Run]:
    """Prove these in order, by several processes."""
    if processes == 1:
        yield from (run_of(*task) for task in tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting: deque[Future[Run]] = deque()
        for task in tasks:
            waiting.append(pool.submit(run_of, *task))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Export:
    """An exported ledger under proof."""

    def __init__(self, folder: Path, key: Key, witnesses: Sequence[Key], saved: Sequence[Note]) -> None:
        """Read the checkpoints; nothing is proven yet."""
        self.key = key
        self.witnesses = witnesses
        self.saved = sorted(saved, key=lambda note: note.size)
        self.notes = {note.size: note for note in self._notes(folder)}
        self.size = max(self.notes, default=0)
        self.covered: dict[str, int] = {}
        self.crashes: list[int] = []
        self.names = 0
        self.stamped = 0
        self._folder = folder
        self._tree = Tree()
        self._hour = b""
        self._last = 0

    @staticmethod
    def _notes(folder: Path) -> Iterator[Note]:
        with (folder / "checkpoints.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                yield note_of(json.loads(line)["note"])
        yield note_of((folder / "checkpoint").read_text(encoding="utf-8"))

    def prove(self) -> None:
        """Prove everything. Raises `Wrong` at the first damage."""
        processes = (os.cpu_count() or 1) if self.size > 4 * RUN * TILE else 1
        with (self._folder / "ledger.jsonl").open(encoding="utf-8") as lines:
            for run in runs(self._tasks(lines), processes):
                self._take(run)
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r{self._tree.size} of {self.size} entries")
        if self._tree.size != self.size:
            raise Wrong(f"Entries are gone from the end: {self.size} were signed, {self._tree.size} are there.")
        if self.saved:
            raise Wrong(f"Entries are gone from the end: a saved checkpoint saw {self.saved[0].size}.")
        self._check_tiles(1, self._tree.tiles)
        self._check_stamped()

    def _check_stamped(self) -> None:
        """See that what time stamps are said to be of are checkpoints of this ledger; OpenSSL proves the stamps."""
        for path in (self._folder / "time-stamps").glob("*.txt"):
            note = self.notes.get(int(path.stem))
            if note is None or read(path) != note.text or not path.with_suffix(".tsr").is_file():
                raise Wrong(f"The time stamp {path.stem} is not of a checkpoint of this ledger.")
            self.stamped = max(self.stamped, note.size)

    def _check_tiles(self, level: int, hashes: Sequence[bytes]) -> None:
        """See that the tiles above the entries, which others prove by, are what the entries give."""
        above: list[bytes] = []
        for number, place in enumerate(tile_paths(len(hashes))):
            tile = hashes[number * TILE : (number + 1) * TILE]
            if stored(self._folder, f"tile/{level}/{place}") != b"".join(tile):
                raise Wrong(f"The tile {level}/{place} is not what the entries below it give.")
            if len(tile) == TILE:
                tree = Tree()
                for one in tile:
                    tree.add(one)
                above.append(tree.root())
        if above:
            self._check_tiles(level + 1, above)

    def _tasks(self, lines: Iterator[str]) -> Iterator[tuple[Path, Sequence[str], int, list[str]]]:
        places = list(tile_paths(self.size))
        for start in range(0, len(places), RUN):
            yield self._folder, places[start : start + RUN], start * TILE + 1, list(islice(lines, RUN * TILE))

    def _take(self, run: Run) -> None:
        """Grow the tree by entries that are right by themselves, and meet the checkpoints on the way."""
        self.names += run.names
        for seq, leaf in enumerate(run.leaves, self._tree.size + 1):
            if seq in run.appointed:
                self._appoint(seq, run.appointed[seq])
            self._tree.add(leaf)
            note = self.notes.get(seq)
            if note is not None:
                self._meet(note, seq)
            elif seq in run.appointed:
                raise Wrong(f"The checkpoint that was made with entry {seq} is gone.")
            while self.saved and self.saved[0].size <= seq:
                kept = self.saved.pop(0)
                if kept.origin != self.key.name or kept.root != self._tree.root():
                    raise Wrong(f"Entries 1 to {seq} are not those that a saved checkpoint saw.")
                self._count(kept)
        if run.wrong:
            raise Wrong(run.wrong)

    def _appoint(self, seq: int, said: dict[str, Any]) -> None:
        goes_on = said["reason"] == "hour"
        by = self._hour if goes_on else self.key.public
        if goes_on and (said.get("previous_key") != by.hex() or self._last != seq - 1):
            raise Wrong(f"The signing key named at entry {seq} was not appointed by the one before it.")
        root = base64.b64encode(self._tree.root()).decode()
        message = f"sealane/signing-key/v1\n{self.key.name}\n{seq - 1}\n{root}\n{said['signing_key']}\n"
        otherwise = f"The signing key named at entry {seq} was not appointed by the one before it."
        check(by, bytes.fromhex(said["signature"]), message.encode(), otherwise)
        self._hour = bytes.fromhex(said["signing_key"])
        if said["reason"] == "crash":
            self.crashes.append(seq)

    def _meet(self, note: Note, size: int) -> None:
        hour = Key(f"{self.key.name}/hour", SIGNED, self._hour)
        if note.origin != self.key.name or not signed_by(note, self.key) or not signed_by(note, hour):
            raise Wrong(f"The checkpoint of {size} entries is not signed by the keys that were in force.")
        if note.root != self._tree.root():
            raise Wrong(f"The ledger is damaged between entries {self._last + 1} and {size}.")
        self._last = size
        self._count(note)

    def _count(self, note: Note) -> None:
        for witness in self.witnesses:
            if signed_by(note, witness):
                self.covered[witness.name] = note.size


def prove_export(folder: Path, key: Key | None, witnesses: Sequence[Key], saved: Sequence[Note]) -> list[str]:
    """Return what is proven of an exported ledger, in sentences."""
    told = key_of(read(folder / "key"))
    if key is not None and key != told:
        raise Wrong("The export is signed by another key than the one that you were given.")
    export = Export(folder, told, witnesses, saved)
    export.prove()
    said = [f"The ledger {told.name} is whole: {export.size} entries under {len(export.notes)} signed checkpoints."]
    if key is None:
        said.append("Its key came with it. Ask for the key by another way, and give it with --key.")
    if export.crashes:
        said.append(f"After a crash a signing key began anew at entry {', '.join(map(str, export.crashes))}.")
    if saved:
        said.append(f"{len(saved)} saved checkpoint(s) lie on it.")
    said += [f"Covered up to {size} by the witness {name}." for name, size in export.covered.items()]
    if export.stamped:
        files = f"time-stamps/{export.stamped}"
        said.append(f"There are time stamps, not proven here. openssl ts -verify -in {files}.tsr -data {files}.txt")
    spoken_for = max([*export.covered.values(), *(note.size for note in saved)], default=0)
    if spoken_for < export.size:
        whose = f"what comes after entry {spoken_for}" if spoken_for else "it"
        said.append(f"No witness and no saved checkpoint speaks for {whose}: who has its keys could have rewritten it.")
    return [*said, f"{export.names} names kept beside the entries fit what was recorded."]


# --- the proof of one entry ------------------------------------------------------------------------------------------


def prove_entry(text: str, key: Key, witnesses: Sequence[Key]) -> list[str]:
    """Return what a `tlog-proof` proves, in sentences."""
    head, _, rest = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) < 3 or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra "):  # noqa: PLR2004 - head, extra, index
        raise Wrong("This is not a proof of an entry.")
    extra = json.loads(decoded(lines[1].removeprefix("extra ")) or b"null")
    body, openings = str(extra["body"]).encode(), dict(extra["openings"])
    index = int(lines[2].removeprefix("index "))
    note = note_of(rest)
    if note.origin != key.name or not signed_by(note, key):
        raise Wrong("The checkpoint in the proof is not signed by the key that you were given.")
    if included(sha256(b"\x00", body), index, note.size, [decoded(line) for line in lines[3:]]) != note.root:
        raise Wrong("The entry is not in the ledger that was signed.")
    said = json.loads(body)
    for name, (salt, value) in openings.items():
        if not opens(said, name, salt, value):
            raise Wrong(f"A name told with the entry is not the one that was recorded: {name}.")
    said.pop("private", None)
    told = {**said, **{name: value for name, (_, value) in openings.items()}}
    words = ", ".join(f"{name}={value}" for name, value in sorted(told.items()))
    cosigned = [witness.name for witness in witnesses if signed_by(note, witness)]
    return [
        f"Entry {index + 1} of the ledger {key.name} is proven: {words}",
        f"Signed when the ledger had {note.size} entries; witnesses: {', '.join(cosigned) or 'none that you named'}.",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="sealane-verify", description="Prove a Sealane ledger without Sealane.")
    parser.add_argument("--key", type=key_of, help="the ledger's key, NAME+ID+BASE64")
    parser.add_argument("--witness", type=key_of, action="append", default=[], help="a witness whose word counts")
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="an exported ledger")
    export.add_argument("folder", type=Path)
    export.add_argument("--checkpoint", type=Path, action="append", default=[], help="a checkpoint that you kept")
    proof = commands.add_parser("proof", help="proofs of single entries, as receipts have them")
    proof.add_argument("files", type=Path, nargs="+")
    try:
        given = parser.parse_args(arguments)
        if given.command == "export":
            said = prove_export(
                given.folder, given.key, given.witness, [note_of(read(one)) for one in given.checkpoint]
            )
        elif given.key is None:
            parser.error("a proof is proven by the ledger's key: --key")
        else:
            said = [line for one in given.files for line in prove_entry(read(one), given.key, given.witness)]
    except Wrong as problem:
        sys.stderr.write(f"NOT PROVEN: {printable(str(problem))}\n")
        return DAMAGED
    except NOT_OF_THIS_FORMAT as problem:
        sys.stderr.write(f"NOT PROVEN: what is there is not of this format ({type(problem).__name__}).\n")
        return DAMAGED
    except OSError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return FAILED
    sys.stdout.write("".join(printable(line) + "\n" for line in said))
    return OK


def read(path: Path) -> str:
    """Return a small file's text."""
    with path.open(encoding="utf-8") as file:
        return file.read(FILE_BYTES_MAX)


def printable(text: str) -> str:
    """Return text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def command() -> None:
    """Run as a program."""
    raise SystemExit(main())


if __name__ == "__main__":
    command()
