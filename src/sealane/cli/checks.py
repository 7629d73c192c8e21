"""What `sealane doctor` looks at.

The machine's side: files, accounts, room, certificates, the blob store. The keeper's: database, grants, what is sealed,
what is read; the ledger's are in `ledger_checks.py`.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
import struct
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sealane import system_accounts
from sealane.app import presence
from sealane.cli.findings import Finding, State
from sealane.cli.ledger_checks import check_ledger, check_releases, check_witnesses
from sealane.clock import Clock
from sealane.errors import SealaneError
from sealane.ids import new_segment_id
from sealane.operations.accounts import ListFolders, ListGroups, ListSealed, ListUsers, RowsAre
from sealane.operations.caller import socket_path
from sealane.operations.envelope import Done
from sealane.operations.exposures import BacklogIs, ListOfficers, LookBacklog, LookQueue, QueueIs
from sealane.operations.signing import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealane.cli.asking import Ask, DataDirectory

TargetT = TypeVar("TargetT")

_GIB = 1024**3
_ROOM_BYTES_BAD = _GIB // 4
_ROOM_BYTES_SCARCE = 5 * _GIB
_ROOM_SHARE_SCARCE = 0.1
_CERTIFICATE_DAYS_SCARCE = 30
_CANARY_BYTES = 4096
_WAYS_TO_OPEN_MIN = 2
_HOW_TO_PART = "Set 'accounts' (docs/operations.md, Accounts)."
_WAITED_SECONDS_LONG = 3600
_PEER_CREDENTIALS = struct.Struct("3i")


def looked(check: Callable[[TargetT], Iterator[Finding]], at: TargetT) -> list[Finding]:
    """Return what a check finds; one that cannot look says why."""
    name = check.__name__.removeprefix("check_").replace("_", " ")
    try:
        return list(check(at))
    except SealaneError as error:
        return [Finding(name, "bad", f"{error.sentence} ({error.code})")]
    except OSError as problem:
        return [Finding(name, "bad", f"It cannot be looked at: {problem}.")]


# --- the machine -----------------------------------------------------------------------------------------------------


def check_files(place: DataDirectory) -> Iterator[Finding]:
    """Nobody but the server's accounts may read the data directory, its keys and its sockets."""
    secret = [*place.path.glob("keys"), *place.path.glob("keys/*.key"), *place.path.glob("run/admin.sock")]
    passed = [place.path, *place.path.glob("run/*s.sock"), *place.path.glob("run/inspector.sock")]
    forbidden = dict.fromkeys(secret, 0o077) | dict.fromkeys(passed, 0o007 if _apart(place) else 0o077)
    secret = list(forbidden)
    open_to_others = [path for path, bits in forbidden.items() if path.lstat().st_mode & bits]
    for path in open_to_others:
        who = "go" if forbidden[path] & 0o070 else "o"
        yield Finding("files", "bad", f"{path} is open to other accounts of this machine. Run: chmod {who}= {path}")
    owner = place.path.stat().st_uid
    foreign = [path for path in secret if path.lstat().st_uid != owner]
    for path in foreign:
        yield Finding("files", "warning", f"{path} belongs to another account than the data directory.")
    if not open_to_others and not foreign:
        yield Finding("files", "ok", "The data directory, its keys and its sockets are open to its own accounts alone.")


def check_accounts(place: DataDirectory) -> Iterator[Finding]:
    """Keeper, doors, inspector and jobs belong in accounts of their own, else the wall between them is thin."""
    if not place.is_served():
        yield Finding("accounts", "ok", "The server does not run, so its accounts cannot be seen.")
        return
    keeper, uid = _peer_of(place.path / "run")
    rooms = {uid: {"keeper"}}
    for pid, room in _beside(keeper):
        rooms.setdefault(_uid_of(pid), set()).add(room.partition(".")[0])
    shared = sorted(" and ".join(sorted(those)) for those in rooms.values() if len(those) > 1)
    if system_accounts.ROOT in rooms:
        those = " and ".join(sorted(rooms[system_accounts.ROOT]))
        yield Finding("accounts", "warning", f"As root run {those}. Give them accounts of their own. {_HOW_TO_PART}")
    for those in shared:
        yield Finding(
            "accounts",
            "warning",
            f"The separation is not real: {those} share an account. Whoever takes over one of them reaches what the"
            f" others have, the keeper's keys and database included: for development only. {_HOW_TO_PART}",
        )
    if not shared and system_accounts.ROOT not in rooms:
        yield Finding("accounts", "ok", "Keeper, doors, inspector and jobs run in accounts of their own.")


def check_room(place: DataDirectory) -> Iterator[Finding]:
    """See how much room there is: a full disk refuses uploads."""
    usage = shutil.disk_usage(place.path)
    said = f"{usage.free / _GIB:.1f} GiB of {usage.total / _GIB:.1f} GiB are free at {place.path}."
    state: State = "ok"
    if usage.free < _ROOM_BYTES_SCARCE or usage.free < usage.total * _ROOM_SHARE_SCARCE:
        state = "bad" if usage.free < _ROOM_BYTES_BAD else "warning"
    yield Finding("room", state, said)


def check_tls(place: DataDirectory) -> Iterator[Finding]:
    """Look at the certificate that is in use, or would be if the server were started: whether it holds, how long."""
    made = place.path / ("tls" if _apart(place) else "keys") / "tls.crt"
    running = presence.noted(place.path) if place.is_served() else None
    if running is not None:
        http, certificate = " and ".join(running.http), running.tls_cert
    else:
        http, certificate = place.settings.http, place.settings.tls_cert or (str(made) if made.exists() else "")
    if certificate:
        ours = Path(certificate).absolute() == made.absolute()
        yield _of_certificate(Path(certificate), " It was made here, so clients must be given it (SEALANE_CA)." * ours)
    else:
        yield Finding("tls", "ok", f"No certificate: HTTP at {http} is in clear, on loopback only.")


def check_blob_store(place: DataDirectory) -> Iterator[Finding]:
    """Write, read back and delete one blob, as an upload would."""
    from sealane.vault import blobs
    from sealane.vault.stores import open_store

    store = open_store(place.settings, place.path)
    try:
        name, content = new_segment_id(), secrets.token_bytes(_CANARY_BYTES)
        writer = store.create(name)
        try:
            writer.append(content)
            writer.commit()
        except BaseException:
            writer.abort()
            raise
        try:
            same = blobs.read(store, name, 0, _CANARY_BYTES) == content
        finally:
            store.delete(name)
    finally:
        store.close()
    where = place.settings.blob_store or str(place.path / "blobs")
    if same:
        yield Finding("blob store", "ok", f"A blob was written to {where}, read back and deleted.")
    else:
        yield Finding("blob store", "bad", f"A blob was not read back from {where} as it was written.")


# --- the keeper ------------------------------------------------------------------------------------------------------


def check_database(ask: Ask) -> Iterator[Finding]:
    """Have one transaction made durable."""
    ask(Health(), Done)
    yield Finding("database", "ok", "The keeper answers after a durable transaction.")


def check_grants(ask: Ask) -> Iterator[Finding]:
    """Folders that nobody has rights on, grants that reach nobody."""
    folders = [_row(row) for row in ask(ListFolders(), RowsAre).rows]
    empty = {str(row["group"]) for row in map(_row, ask(ListGroups(), RowsAre).rows) if not row["members"]}
    disabled = {str(row["user"]) for row in map(_row, ask(ListUsers(), RowsAre).rows) if row["disabled"]}
    sound = True
    for row in folders:
        grantees = {grant.grantee for grant in row["rights"]}
        live = grantees - disabled - {f"group:{name}" for name in empty}
        for grantee in sorted(grantees - live):
            why = "is disabled" if grantee in disabled else "has no members"
            yield Finding("grants", "warning", f"{grantee} has rights on {row['folder']} and {why}.")
            sound = False
        if grantees and not live:
            yield Finding("grants", "warning", f"The grants on {row['folder']} reach nobody.")
    if sound:
        yield Finding("grants", "ok", "Every grant reaches somebody.")


def check_sealed_folders(ask: Ask) -> Iterator[Finding]:
    """Sealed folders that a lost key would lose, or that cannot be sealed to anybody."""
    name = "sealed folders"
    sound = True
    for row in map(_row, ask(ListSealed(), RowsAre).rows):
        folder = row["folder"]
        if row["problem"]:
            sound = False
            yield Finding(name, "bad", f"{folder} takes no files: {row['problem']}")
        elif row["ways"] < _WAYS_TO_OPEN_MIN:
            sound = False
            kind = " --classic" if row["kind"] == "classic" else ""
            yield Finding(
                name,
                "warning",
                f"What arrives in {folder} opens with one key only; lost, all of it is. Make a recovery key"
                f" (sealane keys recovery new{kind}) and give its public half to: sealane org recovery add.",
            )
        if row["without_key"]:
            sound = False
            names = ", ".join(row["without_key"][:5])
            yield Finding(name, "warning", f"Readers of {folder} who have no key and can open nothing there: {names}.")
        if row["not_sealed"]:
            sound = False
            yield Finding(name, "warning", f"{row['not_sealed']} files of {folder} from before are not sealed yet.")
    if sound:
        yield Finding(name, "ok", "Every sealed folder can be opened by two keys at least.")


def check_people_lists(ask: Ask) -> Iterator[Finding]:
    """See whether lists are kept at all, whether one lost key would lose them, whether they name present officers."""
    name = "people lists"
    sound = True
    for row in map(_row, ask(ListOfficers(), RowsAre).rows):
        organization = row["organization"]
        if not row["ways"]:
            sound = False
            yield Finding(
                name,
                "warning",
                f"{organization} has no officer: whose data is in its files is counted, and no list is kept."
                f" Run: sealane officer set --org {organization} --recipient age1…",
            )
        elif row["ways"] < _WAYS_TO_OPEN_MIN:
            sound = False
            yield Finding(
                name,
                "warning",
                f"People lists of {organization} open with one key only; lost, all of them are. Make a recovery key"
                " (sealane keys recovery new) and name it: sealane officer set … --recovery age1…",
            )
        if row["outdated"]:
            sound = False
            yield Finding(
                name,
                "warning",
                f"{row['outdated']} people lists of {organization} do not name all its present officers."
                " An officer runs: sealane officer rewrap",
            )
    if sound:
        yield Finding(name, "ok", "Every organization's people lists can be opened by two keys at least.")


def check_inspection(ask: Ask) -> Iterator[Finding]:
    """See how much waits to be read, and for how long."""
    told = ask(LookQueue(), QueueIs)
    said = f"{told.waiting} files wait to be read, {told.settled} to be sealed, or to be read before others see them."
    if told.held_since is not None and Clock().now() - told.held_since > timedelta(seconds=_WAITED_SECONDS_LONG):
        yield Finding(
            "inspection",
            "warning",
            f"{told.held_files} files that were acknowledged are not visible to others, since they wait to be read, the"
            f" oldest since {told.held_since:%Y-%m-%d %H:%M:%S} UTC. They stay hidden unless you say for their folder:"
            " sealane exposure set --unread-after",
        )
    behind = ask(LookBacklog(), BacklogIs).behind
    if behind:
        yield Finding(
            "inspection",
            "warning",
            "Reading is behind: folders that publish after reading take no new upload until less waits"
            " (reading_behind_files_max, reading_behind_bytes_max). More inspectors, or a faster machine, would help.",
        )
    late = told.oldest is not None and Clock().now() - told.oldest > timedelta(seconds=_WAITED_SECONDS_LONG)
    if late:
        yield Finding("inspection", "warning", f"{said} The oldest waits since {told.oldest:%Y-%m-%d %H:%M:%S} UTC.")
    else:
        yield Finding("inspection", "ok", said)


OF_THE_MACHINE = (check_files, check_accounts, check_room, check_tls, check_blob_store)
OF_THE_KEEPER = (
    check_database,
    check_ledger,
    check_witnesses,
    check_releases,
    check_grants,
    check_sealed_folders,
    check_people_lists,
    check_inspection,
)


def _row(row: Any) -> dict[str, Any]:
    return dict(zip(row.columns, row.values, strict=True))


def _peer_of(run_dir: Path) -> tuple[int, int]:
    """Return the process and account at the other end of the doors' socket."""
    with socket.socket(socket.AF_UNIX) as line:
        with socket_path(run_dir, "doors") as path:
            line.connect(path)
        credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, _ = _PEER_CREDENTIALS.unpack(credentials)
    return pid, uid


def _beside(keeper: int) -> Iterator[tuple[int, str]]:
    """Yield the other processes of the keeper's supervisor, with the room each runs."""
    status = Path(f"/proc/{keeper}/status").read_text()
    found = re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)
    if found is None:
        return
    for pid in Path(f"/proc/{found[1]}/task/{found[1]}/children").read_text().split():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        for word in command:
            if word.startswith(b"sealane.") and int(pid) != keeper:
                yield int(pid), word.decode().removeprefix("sealane.")


def _uid_of(pid: int) -> int:
    """Return a process's account. That of its folder in /proc is root's where the process has closed itself off."""
    found = re.search(r"^Uid:\s+\d+\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None, "the kernel tells every process's account"
    return int(found[1])


def _apart(place: DataDirectory) -> bool:
    """Return whether the server's processes are to have accounts of their own."""
    running = presence.noted(place.path) if place.is_served() else None
    return bool(running.accounts if running is not None else place.settings.accounts)


def _of_certificate(path: Path, note: str) -> Finding:
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except ValueError:
        return Finding("tls", "bad", f"{path} is no certificate in PEM, or is damaged.")
    left = ends - Clock().now()
    if left < timedelta(0):
        return Finding("tls", "bad", f"{path} ran out on {ends:%Y-%m-%d}.")
    said = f"{path} holds until {ends:%Y-%m-%d}."
    if left < timedelta(days=_CERTIFICATE_DAYS_SCARCE):
        return Finding("tls", "warning", said)
    return Finding("tls", "ok", said + note)
