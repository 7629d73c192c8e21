"""What the settings say of the time-stamping authority; small, since the supervisor looks at it before all else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sealane.errors import Invalid

if TYPE_CHECKING:
    from sealane.settings import Settings


def check(settings: Settings) -> None:
    """Raise `Invalid` for an authority that cannot be asked, or whose time stamps nobody could prove."""
    try:
        url = urlsplit(settings.time_stamps)
        right = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0 and "@" not in url.netloc
    except ValueError:
        right = False
    if not right or not settings.time_stamps.isascii() or not settings.time_stamps.isprintable():
        raise Invalid("The setting 'time_stamps' is the URL of an authority: https://… or http://…")
    if not settings.time_stamps_ca:
        raise Invalid("The setting 'time_stamps' needs 'time_stamps_ca', the file of the authority's certificates.")
