"""The work of `sealane audit export`: the ledger as C2SP tlog-tiles in a folder, with what only its owner has.

checkpoint               the newest, signed
checkpoints.jsonl        every one, `{"note": …}` a line
key                      the ledger's long-term key
tile/0/000 …             hashes; tile/entries/000 … bodies
time-stamps/N.tsr, .txt  the authority's answer on the checkpoint of N entries, and what it stamped, where there is one
ledger.jsonl             every entry with its names and salts, to read and to open commitments by
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from sealane.cli import audit_time_stamps
from sealane.cli.audit import LedgerDamaged, entries, json_line
from sealane.cli.files import make_folder, new_file, put
from sealane.ledger import tree
from sealane.ledger.notes import parse as parse_note
from sealane.ledger.tree import TILE_WIDTH
from sealane.operations.audit import Checkpoint, CheckpointIs, CheckpointsAre, ReadCheckpoints, ReadLedger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sealane.cli.asking import Ask
    from sealane.operations.audit import LedgerEntry

_PAGE = 2000
_LENGTH_BYTES = 2
_PROGRESS_EVERY = 10_000


class _Tiles:
    """Writes tiles and bundles as entries come."""

    def __init__(self, out: Path) -> None:
        self._out = out / "tile"
        self._levels: list[list[bytes]] = [[]]
        self._bodies: list[bytes] = []
        self._frontier = tree.Frontier()
        self._written = [0]
        self.size = 0

    def add(self, entry: LedgerEntry) -> None:
        """Take the next entry. Raises `LedgerDamaged` for one that is not the next, or not what was written."""
        self.size += 1
        if entry.seq != self.size or entry.unreadable or tree.leaf_of(entry.body) != entry.leaf:
            raise LedgerDamaged(f"The ledger is damaged at entry {self.size}. 'sealane audit verify' says how.")
        self._bodies.append(entry.body)
        self._hash(0, entry.leaf)
        for node in self._frontier.append(entry.leaf):
            self._hash(node.level, node.hash)

    def end(self) -> None:
        """Write the tiles that are not full."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._write(level, hashes, self._bodies if not level else ())

    def _hash(self, level: int, hashed: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._written.append(0)
        row = self._levels[level]
        row.append(hashed)
        if len(row) == TILE_WIDTH:
            self._write(level, row, self._bodies if not level else ())
            self._written[level] += 1
            row.clear()
            if not level:
                self._bodies.clear()

    def _write(self, level: int, hashes: Sequence[bytes], bodies: Sequence[bytes]) -> None:
        place = tile_path(self._written[level], len(hashes))
        put(self._out / str(level) / place, b"".join(hashes))
        if not level:
            bundle = b"".join(len(body).to_bytes(_LENGTH_BYTES, "big") + body for body in bodies)
            put(self._out / "entries" / place, bundle)


def exported(ask: Ask, out: Path, *, show: bool) -> int:
    """Write everything up to the present into a folder; return how many entries that are."""
    make_folder(out)
    with new_file(out / "ledger.jsonl") as lines:
        present = ask(Checkpoint(), CheckpointIs)
        tiles = _Tiles(out)
        for entry in entries(ask, ReadLedger(limit=_PAGE)):
            if entry.seq > present.size:
                break
            tiles.add(entry)
            lines.write(json_line(entry) + "\n")
            if show and not entry.seq % _PROGRESS_EVERY:
                click.echo(f"\r{entry.seq} of {present.size} entries", err=True, nl=False)
        tiles.end()
    if show:
        click.echo("", err=True)
    with new_file(out / "checkpoints.jsonl") as lines:
        after = 0
        while True:
            page = ask(ReadCheckpoints(after=after, limit=_PAGE), CheckpointsAre)
            for size, note in zip(page.sizes, page.notes, strict=True):
                if size <= present.size:
                    lines.write(json.dumps({"note": note}, ensure_ascii=False) + "\n")
            if page.after <= after:
                break
            after = page.after
    audit_time_stamps.written(ask, out / "time-stamps", present.size)
    with new_file(out / "key") as file:
        file.write(present.key + "\n")
    os.sync()
    with new_file(out / "checkpoint") as file:
        file.write(parse_note(present.note).full())
    return present.size


def tile_path(number: int, width: int) -> str:
    """Return where a tile stands below its level (C2SP tlog-tiles, "Merkle Tree")."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups) + ("" if width == TILE_WIDTH else f".p/{width}")
