"""Conditions that listings for administrators share: of one organization, or of whatever was named, or all."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sealane.database.tables import organizations


def any_or(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column is what the parameter says, or that it says nothing."""
    given = sa.bindparam(name, type_=sa.String)
    return sa.or_(given == "", column == given)


def of_organization() -> sa.ColumnElement[bool]:
    """Return the condition that the organization is the one that `organization` names, or that it names none."""
    return any_or(organizations.c.name, "organization")
