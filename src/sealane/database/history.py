"""The schema's history: brings a database from whatever release it was left at to this program's.

The revisions are Alembic scripts in `migrations/versions/`, run in-process; there is no ini file. A database that is
already at the last revision is recognised by one query, so that a keeper's restart does not pay for Alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealane.database.drivers import SchemaDamaged
from sealane.errors import Unavailable

if TYPE_CHECKING:
    from sealane.database.drivers import Driver

HEAD = "0015"
"""The last revision in `migrations/versions/`."""

_SCRIPTS = Path(__file__).parent / "migrations"
_PRESENT = "SELECT version_num FROM alembic_version"


def migrate(driver: Driver) -> None:
    """Run the missing revisions in one transaction."""
    if _present(driver) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - only a start that migrates pays for it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with driver.migration_engine().begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise Unavailable(
                "The database was written by a newer release of Sealane. Start that release, or a later one."
            ) from None


def _present(driver: Driver) -> str:
    try:
        rows = driver.query(_PRESENT, ())
    except SchemaDamaged:
        return ""
    return str(rows[0][0]) if rows else ""
