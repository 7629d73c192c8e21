"""What a client may write to an upload as far as the keeper has told the door: refused before any of it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.errors import LengthMismatch, QuotaExceeded, TooLarge

if TYPE_CHECKING:
    from sealane.operations.uploads import UploadOpened
    from sealane.settings import Settings


def check_write(opened: UploadOpened, settings: Settings, size: int, offset: int, length: int) -> None:
    """Raise `TooLarge`, `LengthMismatch` or `QuotaExceeded` for a write that may not be; `size`: the file's so far."""
    end = offset + length
    if offset < 0 or end > settings.file_bytes_max:
        raise TooLarge
    if end > size:
        if opened.declared is not None and end > opened.declared:
            raise LengthMismatch
        if end > opened.room and not opened.path:  # begun ahead: room was told for a name at which nothing stands
            raise QuotaExceeded
