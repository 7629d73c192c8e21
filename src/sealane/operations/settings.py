"""Operations on the settings that can be changed while the node serves (`configuration.CHANGEABLE`)."""

from __future__ import annotations

from typing import ClassVar

from sealane.operations.accounts import AdminOperation, RowsAre
from sealane.operations.envelope import Answer, Done


class ListSettings(AdminOperation, frozen=True):
    """What can be changed: name, value in force, its bounds, whether it was changed, whether it can be."""

    answer: ClassVar[type[Answer]] = RowsAre


class SetSetting(AdminOperation, frozen=True):
    """Change a setting for this node, from now on and through restarts. None: as it was started with."""

    answer: ClassVar[type[Answer]] = Done
    name: str
    value: int | None
