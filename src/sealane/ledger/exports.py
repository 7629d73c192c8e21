"""An entry in the forms that collectors of logs read: OCSF, CEF, syslog (RFC 5424). Pure: an entry in, a line out.

Each carries the entry's number and leaf, so that what a collector holds can be held against the ledger.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealane import __version__
from sealane.errors import Integrity
from sealane.ledger.events import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealane.operations.audit import LedgerEntry

_OCSF_VERSION: Final = "1.5.0"
_AUTHENTICATION: Final = 3002
_ACCOUNT_CHANGE: Final = 3001
_FILE_HOSTING: Final = 6006
_APPLICATION_LIFECYCLE: Final = 6002
_OTHER: Final = 99
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Class(NamedTuple):
    """Where OCSF files a kind: its class and what was done within it."""

    uid: int
    activity: int


_CLASSES: Final = {
    Kind.SIGN_IN: _Class(_AUTHENTICATION, 1),
    Kind.SIGN_IN_REFUSED: _Class(_AUTHENTICATION, 1),
    Kind.STRANGERS_REFUSED: _Class(_AUTHENTICATION, 1),
    Kind.SESSION_ENDED: _Class(_AUTHENTICATION, 2),
    Kind.UPLOAD_FINISHED: _Class(_FILE_HOSTING, 1),
    Kind.DOWNLOAD_BEGUN: _Class(_FILE_HOSTING, 2),
    Kind.DOWNLOAD_ENDED: _Class(_FILE_HOSTING, 2),
    Kind.FILE_REMOVED: _Class(_FILE_HOSTING, 4),
    Kind.FILE_MOVED: _Class(_FILE_HOSTING, 5),
    Kind.RIGHT_GRANTED: _Class(_FILE_HOSTING, 11),
    Kind.RIGHT_REVOKED: _Class(_FILE_HOSTING, 12),
    Kind.USER_ADDED: _Class(_ACCOUNT_CHANGE, 1),
    Kind.USER_ENABLED: _Class(_ACCOUNT_CHANGE, 2),
    Kind.PASSWORD_SET: _Class(_ACCOUNT_CHANGE, 3),
    Kind.PASSWORD_LINK_MADE: _Class(_ACCOUNT_CHANGE, 4),
    Kind.USER_DISABLED: _Class(_ACCOUNT_CHANGE, 5),
    Kind.KEEPER_STARTED: _Class(_APPLICATION_LIFECYCLE, 3),
    Kind.KEEPER_STOPPED: _Class(_APPLICATION_LIFECYCLE, 4),
    Kind.CLOCK_SET_BACK: _Class(_APPLICATION_LIFECYCLE, _OTHER),
}
"""Kinds that OCSF has a class for; every other one is a base event, which says what it is in `message`."""
_FILES: Final = frozenset({Kind.UPLOAD_FINISHED, Kind.DOWNLOAD_BEGUN, Kind.DOWNLOAD_ENDED})
_HEX: Final = re.compile(r"[0-9a-f]+")
_REFUSED: Final = frozenset({Kind.SIGN_IN_REFUSED, Kind.STRANGERS_REFUSED, Kind.REQUEST_REFUSED})
_INFORMATIONAL, _LOW, _HIGH = 1, 2, 4


class Told(NamedTuple):
    """An entry, decoded: what was recorded, with the names that are kept."""

    seq: int
    at: datetime
    kind: Kind
    fields: dict[str, Any]
    """Shown ones, and private ones whose openings are kept."""
    leaf: str

    @property
    def severity(self) -> int:
        """Return 1 for what is ordinary, 2 for a refusal, 4 for damage (OCSF `severity_id`)."""
        if self.kind is Kind.DAMAGE_FOUND:
            return _HIGH
        return _LOW if self.kind in _REFUSED else _INFORMATIONAL

    def text(self, name: str) -> str:
        """Return a field as text, "" where there is none."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def told(entry: LedgerEntry) -> Told:
    """Return an entry decoded. Raises `Integrity` for one that is none."""
    try:
        body = json.loads(entry.body)
        kind, at = Kind(body.pop("kind")), datetime.fromisoformat(body.pop("at"))
        body.pop("private", None)
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
        raise Integrity(f"The ledger is damaged at entry {entry.seq}.") from None
    names = {name: value for name, (_, value) in (entry.openings or {}).items()}
    return Told(entry.seq, at.astimezone(UTC), kind, {**body, **names}, entry.leaf.hex())


# --- OCSF ------------------------------------------------------------------------------------------------------------


def _milliseconds(at: datetime) -> int:
    """Return the whole milliseconds since 1970; a float would be one off in some of them."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def ocsf(entry: LedgerEntry) -> str:
    """Return an entry as one line of OCSF JSON."""
    return json.dumps(ocsf_event(told(entry)), ensure_ascii=False, sort_keys=True)


def ocsf_event(said: Told) -> dict[str, Any]:
    """Return an entry as an OCSF event."""
    filed = _CLASSES.get(said.kind, _Class(0, _OTHER))
    refused = said.kind in _REFUSED
    event: dict[str, Any] = {
        "activity_id": filed.activity,
        "category_uid": filed.uid // 1000,
        "class_uid": filed.uid,
        "type_uid": filed.uid * 100 + filed.activity,
        "time": _milliseconds(said.at),
        "severity_id": said.severity,
        "status_id": 2 if refused else 1,
        "message": said.kind.value,
        "metadata": {
            "version": _OCSF_VERSION,
            "product": {"name": "Sealane", "vendor_name": "Sealane", "version": __version__},
            "uid": f"{said.seq}:{said.leaf}",
            "sequence": said.seq,
            "log_name": "ledger",
            "event_code": said.kind.value,
        },
        "unmapped": dict(sorted(said.fields.items())),
    }
    if refused:
        event["status_detail"] = said.text("reason") or said.text("code") or "refused"
    if said.text("session_id"):
        event["metadata"]["correlation_uid"] = said.text("session_id")
    return event | _parts_of(filed.uid, said)


def _parts_of(class_uid: int, said: Told) -> dict[str, Any]:
    """Return what the event's class demands beyond the base."""
    source = _endpoint(said)
    match class_uid:
        case 3002:
            return {
                "user": _user(said, "account"),
                "src_endpoint": source,
                "service": {"name": f"sealane {said.text('door')}".strip()},
                "auth_protocol": said.text("method") or "unknown",
            }
        case 3001:
            return {"user": _user(said, "account"), "actor": {"user": _user(said, "user")}, "src_endpoint": source}
        case 6006:
            return {"actor": {"user": _user(said, "user")}, "src_endpoint": source, "file": _file(said)}
        case 6002:
            return {"app": {"name": "Sealane keeper", "vendor_name": "Sealane", "version": __version__}}
    return {}


def _endpoint(said: Told) -> dict[str, Any]:
    """Return where it came from: an address where one is known, else the door."""
    with contextlib.suppress(ValueError):
        return {"ip": str(ipaddress.ip_address(said.text("address")))}
    return {"name": said.text("door") or "keeper"}


def _user(said: Told, part: str) -> dict[str, Any]:
    """Return the account that it was done to, or else who did it."""
    parts = (part, "user")
    name = next((said.text(f"{one}_name") for one in parts if said.text(f"{one}_name")), "")
    uid = next((str(said.fields[f"{one}_id"]) for one in parts if f"{one}_id" in said.fields), "")
    return {"name": name or said.text("door") or "unknown", **({"uid": uid} if uid else {})}


def _file(said: Told) -> dict[str, Any]:
    path = said.text("path") or said.text("version_id") or "unknown"
    file: dict[str, Any] = {"name": path.rpartition("/")[2] or path, "path": path, "type_id": 1}
    if said.kind in _FILES and isinstance(said.fields.get("size"), int):
        file["size"] = said.fields["size"]
    if said.kind in _FILES and _HEX.fullmatch(said.text("digest")):
        file["hashes"] = [{"algorithm_id": 3, "value": said.text("digest")}]
    return file


# --- CEF and syslog --------------------------------------------------------------------------------------------------

_CEF_NAMES: Final = {
    "user_name": "suser",
    "account_name": "duser",
    "address": "src",
    "path": "filePath",
    "target": "oldFilePath",
    "size": "fsize",
    "digest": "fileHash",
    "door": "app",
    "reason": "reason",
    "session_id": "cs1",
    "sent": "out",
}
_CEF_SEVERITY: Final = {_INFORMATIONAL: 3, _LOW: 5, _HIGH: 9}


def cef(entry: LedgerEntry) -> str:
    """Return an entry as a line of the Common Event Format."""
    said = told(entry)
    head = "|".join(
        _cef_head(part)
        for part in ("CEF:0", "Sealane", "Sealane", __version__, said.kind.value, said.kind.value.replace("_", " "))
    )
    shown = {_CEF_NAMES[name]: said.text(name) for name in _CEF_NAMES if said.text(name)}
    if "cs1" in shown:
        shown["cs1Label"] = "session"
    extension = {"rt": str(_milliseconds(said.at)), "externalId": str(said.seq), **shown}
    words = " ".join(f"{name}={_cef_value(value)}" for name, value in extension.items())
    return f"{head}|{_CEF_SEVERITY[said.severity]}|{words}"


def _cef_head(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _cef_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _one_line(escaped)


_FACILITY_AUDIT: Final = 13
_SYSLOG_SEVERITY: Final = {_INFORMATIONAL: 6, _LOW: 4, _HIGH: 2}
_SYSLOG_NAME: Final = "sealane@32473"
"""The private enterprise number that RFC 5612 keeps for documentation: we have none of our own."""


def syslog(entry: LedgerEntry) -> str:
    """Return an entry as one message of RFC 5424, its fields as structured data."""
    said = told(entry)
    priority = _FACILITY_AUDIT * 8 + _SYSLOG_SEVERITY[said.severity]
    at = said.at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    words = {"seq": str(said.seq), "leaf": said.leaf, **{name: said.text(name) for name in sorted(said.fields)}}
    data = " ".join(f'{name}="{_syslog_value(value)}"' for name, value in words.items() if value)
    kind = said.kind.value
    return f"<{priority}>1 {at} - sealane - {kind} [{_SYSLOG_NAME} {data}] {kind.replace('_', ' ')}"


def damaged(seq: int) -> str:
    """Return the message for an entry that is none any more."""
    priority = _FACILITY_AUDIT * 8 + _SYSLOG_SEVERITY[_HIGH]
    return f'<{priority}>1 - - sealane - damaged [{_SYSLOG_NAME} seq="{seq}"] the ledger is damaged here'


def _syslog_value(text: str) -> str:
    """Escape what RFC 5424, 6.3.3 names; control characters, which it lets a collector refuse, become spaces."""
    return _one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _one_line(text: str) -> str:
    return "".join(" " if ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 else letter for letter in text)  # noqa: PLR2004  # C0, DEL and C1


FORMS: Final[dict[str, Callable[[LedgerEntry], str]]] = {"ocsf": ocsf, "cef": cef, "syslog": syslog}
