"""Every limit of reading files, with its unit and default. They belong to this room and are no settings of a node."""

from __future__ import annotations

from dataclasses import dataclass

from sealane.settings import KIB, MIB, TIB


@dataclass(frozen=True, slots=True)
class ExposureLimits:
    """Limits of reading whose data is in a file. What is past one is told as too large, never counted as nobody."""

    head_bytes: int = 64 * KIB
    """What is looked at to tell a format; also how far an unread stream is read ahead."""
    block_bytes: int = 8 * MIB
    """What of a table is parsed at once."""
    buffered_bytes_max: int = 512 * MIB
    """A part that must be read in any order is held in memory up to this, where its source cannot seek."""
    expanded_bytes_max: int = 4 * TIB
    """What all archives of a file may unfold to."""
    expansion_ratio_max: int = 250
    """Unfolded bytes for each stored byte of an archive, beyond the first `expansion_bytes_free`."""
    expansion_bytes_free: int = 64 * MIB
    archive_depth_max: int = 6
    archive_entries_max: int = 50_000
    parts_max: int = 200_000
    record_bytes_max: int = 16 * MIB
    """One record of any format: a line, a message, a resource."""
    columns_max: int = 4096
    sheet_cells_max: int = 100_000_000
    document_bytes_max: int = 64 * MIB
    """A document that is taken whole: one C-CDA, one e-mail's text, one JSON value that is no list."""
    nesting_max: int = 64
    """Depth of JSON and XML."""
    pages_max: int = 20_000
    page_characters_max: int = 1_000_000
    sample_values: int = 2000
    """Values of a column that are looked at to tell what it holds."""
    batch_mentions: int = 20_000
    mentions_max: int = 200_000_000
    unreadable_told_max: int = 10_000
    """Parts that are told one by one; past it a last entry stands for the rest."""
