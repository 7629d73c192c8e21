"""The accounts of the machine that the processes of a server run in, and which of them what in a data directory is for.

The setting `accounts` says it. Empty: everything runs in the account that started it. A name N: the keeper runs as
`N-keeper`, the doors as `N-doors`, inspector and jobs likewise; the group `N` may enter the data directory, `N-blobs`
may read and write the blob store. A number: the ids from it on, in that order, for a container without such names.

Lives here: names to ids, and whose a folder is. Not here: starting a process (`app/`), who may ask what (`keeper/`).
Must stay true: root changes the owner of nothing that an account of less than root could have put there.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = 0
_ROOMS = ("keeper", "doors", "inspector", "jobs")
_IDS_MOST = 2**31 - 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SystemAccountsInvalid(Invalid):
    """The setting `accounts` names accounts or groups that this machine does not have."""

    code = "accounts-invalid"


class SystemAccountsOutOfReach(Unavailable):
    """The accounts of the setting `accounts` cannot be used as things are."""

    code = "accounts-out-of-reach"


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """One account: what a process that runs in it is given."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """Beyond its own: those that it needs, and no others that the machine may have given it."""


@dataclass(frozen=True, slots=True)
class SystemAccounts:
    """The accounts of a server's processes."""

    keeper: SystemAccount
    doors: SystemAccount
    inspector: SystemAccount
    jobs: SystemAccount
    shared: int
    """The group that may enter the data directory."""
    blobs: int
    """The group that may use the local blob store."""

    def of_room(self, room: str) -> SystemAccount:
        """Return the account of `keeper`, `doors.sftp`, `doors.http`, `inspector` or `jobs`."""
        kind = room.partition(".")[0]
        assert kind in _ROOMS
        return getattr(self, kind)


def named(setting: str) -> SystemAccounts | None:
    """Return the accounts that the setting names; None where all processes share one.

    Raises `SystemAccountsInvalid`.
    """
    if not setting:
        return None
    return _made(*_numbered(int(setting))) if setting.isdecimal() else _made(*_looked_up(setting))


def _numbered(first: int) -> tuple[list[tuple[int, int]], int, int]:
    if not ROOT < first <= _IDS_MOST:
        raise SystemAccountsInvalid("The setting 'accounts' is a name, or a number of an account that is not root.")
    count = len(_ROOMS)
    return [(first + place, first + place) for place in range(count)], first + count, first + count + 1


def _looked_up(prefix: str) -> tuple[list[tuple[int, int]], int, int]:
    accounts = []
    for room in _ROOMS:
        try:
            found = pwd.getpwnam(f"{prefix}-{room}")
        except (KeyError, ValueError):
            raise _missing(f"account {prefix}-{room}") from None
        accounts.append((found.pw_uid, found.pw_gid))
    return accounts, _group(prefix), _group(f"{prefix}-blobs")


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        raise _missing(f"group {name}") from None


def _missing(what: str) -> SystemAccountsInvalid:
    return SystemAccountsInvalid(
        f"This machine has no {what}, which the setting 'accounts' asks for."
        " packaging/sysusers.d/sealane.conf makes it."
    )


def _made(ids: list[tuple[int, int]], shared: int, blobs: int) -> SystemAccounts:
    uids = {uid for uid, _ in ids}
    if len(uids) < len(ids) or ROOT in uids:
        raise SystemAccountsInvalid("The accounts of the setting 'accounts' are not four, or one of them is root.")
    (keeper, doors, inspector, jobs) = ids
    return SystemAccounts(
        keeper=SystemAccount(*keeper, (shared, blobs)),
        doors=SystemAccount(*doors, (shared, blobs)),
        inspector=SystemAccount(*inspector, (shared, blobs)),
        jobs=SystemAccount(*jobs, (shared,)),
        shared=shared,
        blobs=blobs,
    )


# --- what is whose ---------------------------------------------------------------------------------------------------


def arrange(data_dir: Path, accounts: SystemAccounts) -> None:
    """Give a data directory, as root, to the keeper, and in it to each account what is for it.

    One that was root's alone until now is handed over with all that is in it. Raises `SystemAccountsOutOfReach` for
    somebody else's, and `OSError`.
    """
    keeper = accounts.keeper
    top = os.open(data_dir, _FOLDER)
    try:
        owner = os.fstat(top).st_uid
        if owner not in {ROOT, keeper.uid}:
            raise SystemAccountsOutOfReach(
                f"{data_dir} belongs to another account ({owner}). Look at what is in it, then give it to root:"
                f" chown -R 0:0 {data_dir}"
            )
        if owner == ROOT:
            _hand_over(top, accounts)
        _folder(top, "run", keeper.uid, accounts.shared, 0o2750)
        _folder(top, "blobs", keeper.uid, accounts.blobs, 0o2770)
        _folder(top, "tls", ROOT, accounts.doors.gid, 0o750)
        _set(top, keeper.uid, accounts.shared, 0o750)
    finally:
        os.close(top)


def _folder(top: int, name: str, uid: int, gid: int, mode: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=top)
    descriptor = os.open(name, _FOLDER, dir_fd=top)
    try:
        _set(descriptor, uid, gid, mode)
    finally:
        os.close(descriptor)


def _set(descriptor: int, uid: int, gid: int, mode: int) -> None:
    """Set whose this is and who may do what; nothing is touched where it is so already."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (uid, gid):
        os.fchown(descriptor, uid, gid)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        os.fchmod(descriptor, mode)


def _hand_over(top: int, accounts: SystemAccounts) -> None:
    """Give the keeper all that is in a folder which was root's alone, and the blobs to those who use them."""
    for path, folders, files, at in os.fwalk(".", dir_fd=top, topdown=False, follow_symlinks=False):
        in_blobs = path.split("/")[1:2] == ["blobs"]
        group = accounts.blobs if in_blobs else accounts.keeper.gid
        for name in (*folders, *files):
            os.chown(name, accounts.keeper.uid, group, dir_fd=at, follow_symlinks=False)
            if in_blobs and not stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                os.chmod(name, 0o2770 if name in folders else 0o640, dir_fd=at)


def check_within_reach(path: Path, account: SystemAccount) -> None:
    """Raise `SystemAccountsOutOfReach` where a folder above this path is closed to the account."""
    for folder in path.absolute().parents:
        state = folder.stat()
        if state.st_uid == account.uid:
            may = state.st_mode & stat.S_IXUSR
        elif state.st_gid in {account.gid, *account.groups}:
            may = state.st_mode & stat.S_IXGRP
        else:
            may = state.st_mode & stat.S_IXOTH
        if not may:
            raise SystemAccountsOutOfReach(
                f"{path} is out of reach of the account {account.uid}: {folder} is closed to it (mode"
                f" {stat.S_IMODE(state.st_mode):04o}). Put it elsewhere, or open that folder for passing through."
            )


@contextlib.contextmanager
def acting_as_owner(folder: Path) -> Iterator[None]:
    """As root: make what is made meanwhile belong to the folder's owner. Anybody else: change nothing."""
    owner = folder.stat()
    if os.geteuid() != ROOT or owner.st_uid == ROOT:
        yield
        return
    gid = _own_group(owner.st_uid, otherwise=owner.st_gid)
    was = os.getegid()
    os.setegid(gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(was)


def _own_group(uid: int, *, otherwise: int) -> int:
    """Return an account's own group, or another where the machine does not know the account."""
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return otherwise
