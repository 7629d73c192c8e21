"""Settings that are changed while the node serves: a closed list with bounds (`configuration.CHANGEABLE`).

They are kept in the catalogue and count from the next act on. Must stay true: what file, environment or a flag has set
is not changed here; every change is on record with what it was before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealane.configuration import CHANGEABLE
from sealane.domain import rows
from sealane.domain.queries import node_settings as statements
from sealane.errors import Conflict, Invalid, Missing
from sealane.ledger import events
from sealane.operations.envelope import Done

if TYPE_CHECKING:
    from sealane.database.engine import Transaction
    from sealane.domain.work import Work
    from sealane.operations.accounts import RowsAre
    from sealane.operations.settings import ListSettings, SetSetting
    from sealane.settings import Settings

_DIGITS_MAX = 19


def changed(transaction: Transaction) -> dict[str, int]:
    """Return what was changed, by name; a row that is no number counts for nothing."""
    return {
        row.name.removeprefix(statements.PREFIX): int(row.value)
        for row in transaction.all(statements.KEPT)
        if row.value.isdigit() and len(row.value) <= _DIGITS_MAX
    }


def list_settings(work: Work, op: ListSettings) -> RowsAre:
    """List what can be changed, as it is."""
    del op
    kept = changed(work.transaction)
    columns = ("name", "value", "least", "most", "unit", "changed", "given")
    return rows.listing(
        columns,
        (
            (
                name,
                getattr(work.settings, name),
                one.least,
                one.most,
                one.unit,
                name in kept,
                name in work.settings.given,
            )
            for name, one in CHANGEABLE.items()
        ),
    )


def set_setting(work: Work, op: SetSetting) -> Done:
    """Change a setting, or let it be again what the node was started with."""
    one = CHANGEABLE.get(op.name)
    if one is None:
        raise Missing("There is no setting of this name that can be changed here.")
    if op.name in work.settings.given:
        raise Conflict("This setting is set in the configuration file or the environment. Change it there.")
    if op.value is not None and not one.least <= op.value <= one.most:
        raise Invalid(f"This setting is between {one.least // one.unit} and {one.most // one.unit}.")
    _check_together(work.settings, op)
    before = getattr(work.settings, op.name)
    work.transaction.run(statements.REMOVE, of_name=statements.PREFIX + op.name)
    if op.value is not None:
        work.transaction.run(statements.ADD, name=statements.PREFIX + op.name, value=str(op.value).encode())
    work.settings_changed = True
    work.record(
        events.SettingChanged(
            owner_organization_id=work.operator.organization_id, setting=op.name, before=before, after=op.value
        )
    )
    return Done()


def _check_together(settings: Settings, op: SetSetting) -> None:
    """Raise where two settings would speak against each other."""
    if op.value is None:
        return
    usual = op.value if op.name == "share_seconds" else settings.share_seconds
    most = op.value if op.name == "share_seconds_max" else settings.share_seconds_max
    if op.name in {"share_seconds", "share_seconds_max"} and usual > most:
        raise Invalid("What a package lasts unless said cannot be longer than what it lasts at most.")
