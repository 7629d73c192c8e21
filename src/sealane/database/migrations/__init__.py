"""The schema's revisions, as Alembic scripts. Run by `database/history.py`; a released revision is never edited."""
