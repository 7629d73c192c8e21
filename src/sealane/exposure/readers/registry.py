"""Which reader takes which kind of part. A reader's libraries are imported when it is first asked for."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealane.exposure.formats import Recognized
    from sealane.exposure.model import Found
    from sealane.exposure.readers.part import Part


class Reader(Protocol):
    """Reads a part, and yields what is in it."""

    def __call__(self, part: Part, /) -> Iterator[Found]:
        """Read."""
        ...


_PLACES: Final = {
    "bzip2": ("compressed", "read_bzip2"),
    "ccda": ("ccda", "read_ccda"),
    "compound": ("sheets", "read_compound"),
    "delimited": ("delimited", "read_delimited"),
    "email": ("mail", "read_email"),
    "fixed": ("fixed", "read_fixed"),
    "gzip": ("compressed", "read_gzip"),
    "hl7": ("hl7", "read_hl7"),
    "json": ("json_values", "read_json"),
    "json_lines": ("json_values", "read_json_lines"),
    "markup": ("prose", "read_markup"),
    "parquet": ("parquet", "read_parquet"),
    "pdf": ("pdf", "read_pdf"),
    "seven_zip": ("seven_zip", "read_seven_zip"),
    "tar": ("archives", "read_tar"),
    "text": ("prose", "read_text"),
    "x12": ("x12", "read_x12"),
    "xz": ("compressed", "read_xz"),
    "zip": ("archives", "read_zip"),
}


def reader_of(found: Recognized) -> Reader:
    """Return the reader for what was recognized."""
    module, function = _PLACES[found.reader]
    reader = getattr(importlib.import_module(f"sealane.exposure.readers.{module}"), function)
    return cast("Reader", partial(reader, dialect=found.dialect) if found.dialect else reader)
