"""What kind of file somebody's data was in, as a letter says it: as the officer called it, else by its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.desk.rights import is_below

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.desk.history import History
    from sealane.desk.incidents.records import Incident

UNKNOWN: Final = "file"
PLAIN: Final = {
    "csv": "table", "fixed": "table", "parquet": "table", "json": "data file", "ndjson": "data file",
    "xlsx": "spreadsheet", "xls": "spreadsheet", "xlsb": "spreadsheet", "ods": "spreadsheet",
    "x12-834": "health plan enrollment file", "x12-835": "payment file", "x12-837": "claims file",
    "x12-270": "coverage question file", "x12-271": "coverage answer file",
    "x12-276": "claim status question file", "x12-277": "claim status answer file",
    "hl7v2": "file of hospital messages", "fhir": "health record file", "ccda": "health record document",
    "pdf": "PDF document", "text": "text document", "email": "e-mail message", "archive": "archive of files",
}  # fmt: skip


def of_versions(versions: Iterable[str], incident: Incident, history: History) -> dict[str, str]:
    """Return the kind of file of each version. What was said of the longest path goes before."""
    called = sorted(incident.called.items(), key=lambda each: -len(each[0]))
    found: dict[str, str] = {}
    for version in versions:
        stored = history.versions.get(version)
        path = stored.path if stored is not None else ""
        inside = path.partition(":")[2]
        said = (kind for folder, kind in called if path and is_below(path if ":/" in folder else inside, folder))
        found[version] = next(said, PLAIN.get(history.formats.get(version, ""), UNKNOWN))
    return found


def with_article(kind: str) -> str:
    """Return a kind of file with its article."""
    return f"{'an' if kind[:1].lower() in 'aeio' else 'a'} {kind}"
