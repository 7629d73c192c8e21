"""Layouts that are known beforehand: found for an earlier file of the same feed, or corrected by an administrator.

A layout is known by the fingerprint of its table: a hash of the header, or of the number of columns where there is
none. Who keeps layouts by sender and folder hands in those of this sender and folder.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sealane.errors import LayoutInvalid
from sealane.exposure.tables.columns import Column, Layout
from sealane.exposure.tables.slots import MAIN, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def fingerprint_of(header: Sequence[str] | None, columns: int) -> str:
    """Return the fingerprint of a table."""
    told = "\x1f".join(name.strip().lower() for name in header) if header else f"{columns} columns"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass
class Layouts:
    """The layouts of one sender and folder, by fingerprint; those that a scan finds are added."""

    known: dict[str, Layout] = field(default_factory=dict)
    fixed: tuple[tuple[int, int], ...] = ()
    """Columns (begin, end) of fixed-width files, where an administrator gave them."""
    corrections: Mapping[str, Slot] = field(default_factory=dict)
    """What single columns hold whatever they look like, by their header, in lower case."""

    @classmethod
    def of_json(cls, text: bytes) -> Layouts:
        """Return what an administrator wrote: `{"columns": {"FIELD07": "ssn"}, "fixed": [[0, 9], [9, 29]]}`.

        Raises `LayoutInvalid`.
        """
        try:
            told = json.loads(text)
            corrections = {str(name).strip().lower(): Slot(slot) for name, slot in told.get("columns", {}).items()}
            fixed = tuple((int(begin), int(end)) for begin, end in told.get("fixed", []))
        except (ValueError, TypeError, AttributeError) as problem:
            raise LayoutInvalid(f"The layout cannot be used: {problem}.") from None
        if any(begin < 0 or end <= begin for begin, end in fixed) or list(fixed) != sorted(fixed):
            raise LayoutInvalid("The layout's fixed columns must be [begin, end) in rising order.")
        return cls(fixed=fixed, corrections=corrections)

    def corrected(self, layout: Layout, header: Sequence[str] | None) -> Layout:
        """Return a layout with what the administrator corrected."""
        if not header or not self.corrections:
            return layout
        names = [name.strip().lower() for name in header]
        return Layout(
            tuple(
                Column(self.corrections[name], MAIN, column.day_first) if name in self.corrections else column
                for name, column in zip(names, layout.columns, strict=True)
            )
        )
