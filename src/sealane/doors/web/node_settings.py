"""The settings that matter to whoever runs the node: some are changed here, the rest on the machine.

Must stay true: only what stands in `_SHOWN`, or in the keeper's closed list, gets onto the page; nothing secret does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.doors.web import forms
from sealane.doors.web.administration import done, or_again, rows
from sealane.errors import Invalid, Missing
from sealane.operations.settings import ListSettings, SetSetting

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealane.doors.web.visits import Visit
    from sealane.errors import SealaneError

_SHOWN: Final = ("public_url", "smtp", "smtp_from", "witnesses", "time_stamps", "syslog")
"""What is changed on the machine only."""
_DIGITS_MAX: Final = 9


async def show_settings(visit: Visit) -> Response:
    """Show them, to administrators of the organization that runs the node."""
    return await _settings(visit, None, 200)


async def _settings(visit: Visit, failure: SealaneError | None, status: int) -> Response:
    if visit.signed.administers != "node":
        raise Missing("There is no such page.")
    shown = {name: getattr(visit.settings, name) for name in _SHOWN}
    changeable = {row["name"]: row for row in await rows(visit, ListSettings())}
    return visit.page("admin_settings.html", status, shown=shown, changeable=changeable, failure=failure)


async def change_setting(visit: Visit) -> Response:
    """Change one setting, or let it be again what the node was started with."""
    form = await visit.take_form()

    async def doing() -> Response:
        name, value = form["name"], None
        if form["do"] != "reset":
            unit = next((row["unit"] for row in await rows(visit, ListSettings()) if row["name"] == name), None)
            value = _number(form["value"]) * int(str(unit or 1))
        await done(visit, SetSetting(name=name, value=value))
        return visit.go(forms.address("/admin/settings", said="saved") + f"#s-{name}")

    return await or_again(_settings, visit, doing())


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Invalid("This setting is a whole number.")
    return int(text)
