"""The catalogue: tables, named statements, transactions and migrations, alike on SQLite and PostgreSQL.

Lives here: every table (`tables.py`), what a statement is (`statements.py`) and how one is bound to a database
(`plans.py`), the transaction (`engine.py`) over two drivers (`sqlite.py`, `postgres.py`), the schema's history
(`migrations/`). Not here: the statements themselves, which stand beside their users.
Must stay true: one writer at a time, under the lease; what was committed survives a power cut; no SQL text but the
engine's own fixed lines.
"""
