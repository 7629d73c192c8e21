"""The settings that matter to whoever runs the node, to read: they are changed on the machine, never from a page.

Must stay true: only what stands in `_SHOWN` gets onto the page; nothing secret does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.errors import Missing

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit

_SHOWN: Final = (
    "public_url",
    "smtp",
    "smtp_from",
    "witnesses",
    "syslog",
    "session_idle_seconds",
    "web_session_lifetime_seconds",
    "proof_seconds",
    "link_seconds",
    "password_characters_min",
    "password_score_min",
    "sign_in_failures_max",
    "sign_in_lock_seconds",
    "share_seconds",
    "share_seconds_max",
    "version_keep_seconds",
    "upload_keep_seconds",
    "file_bytes_max",
)


async def show_settings(visit: Visit) -> Response:
    """Show them, to administrators of the organization that runs the node."""
    if visit.signed.administers != "node":
        raise Missing("There is no such page.")
    shown = {name: getattr(visit.settings, name) for name in _SHOWN}
    return visit.page("admin_settings.html", shown=shown)
