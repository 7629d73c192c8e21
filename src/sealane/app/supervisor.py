"""The order in which a server comes up and goes down, and what it says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import logging
import os
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealane import __version__, system_accounts
from sealane.app import certificate, listening, presence
from sealane.app.children import Child
from sealane.clock import Clock
from sealane.errors import SealaneError, Unavailable
from sealane.jobs import authorities, mailing
from sealane.jobs.collecting import collector
from sealane.keeper import EXIT_LEASE_HELD
from sealane.keeper.host_keys import fingerprint
from sealane.ledger import witnesses
from sealane.operations.accounts import RowsAre
from sealane.operations.browser import LinkIs, NewSetupLink
from sealane.operations.caller import KeeperCaller
from sealane.operations.settings import ListSettings
from sealane.operations.signing import Health, HostKeys, HostKeysAre

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from sealane.settings import Settings

log = logging.getLogger(__name__)

_HEALTH_SECONDS = 10.0
"""How often the keeper is asked whether it can write."""
_KEEPER_STOP_SECONDS = 30.0
_INSPECTORS_UNASKED_MAX = 4
"""Each holds some 200 MiB once it has read; more of them are the operator's decision (the setting `inspectors`)."""
_DRAIN_EXTRA_SECONDS = 5.0
"""What a door may take beyond `drain_seconds` to let go of what is left."""


class StartFailed(Unavailable):
    """A process of the server ended before it was ready."""

    code = "start-failed"
    default = "The server could not start. The lines above say why."


class AlreadyServed(Unavailable):
    """Another supervisor has this data directory."""

    code = "already-served"
    default = "A server already runs on this data directory."


class OpenToOthers(Unavailable):
    """Other accounts of the machine can reach into a folder that is the server's alone."""

    code = "open-to-others"


class AccountsNeedRoot(Unavailable):
    """Somebody who is not root has asked for processes in accounts of their own."""

    code = "accounts-need-root"
    default = "Only root can start processes in accounts of their own (the setting 'accounts')."


class Supervisor:
    """One server: its sockets and its processes."""

    def __init__(self, settings: Settings, data_dir: Path) -> None:
        """Nothing is bound or started yet."""
        self._settings = settings
        self._data_dir = data_dir
        self._caller: KeeperCaller | None = None
        self._stop = asyncio.Event()
        self._http_number = 0
        self._accounts = system_accounts.named(settings.accounts)

    async def run(self) -> int:
        """Serve until told to stop; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        witnesses.parse(self._settings.witnesses)  # what is wrong in it is said now, and not by a process that dies
        if self._settings.time_stamps:
            authorities.check(self._settings)
        if self._settings.syslog:
            collector(self._settings.syslog)
        if self._settings.smtp:
            mailing.check(self._settings)
        if self._accounts is not None and os.geteuid() != system_accounts.ROOT:
            raise AccountsNeedRoot
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_accounts()
        entered = 0o027 if self._accounts else 0o077  # by the accounts' own group
        for folder, forbidden in ((self._data_dir, entered), (self._data_dir / "keys", 0o077)):
            _must_be_closed(folder, forbidden)
        with _held(self._data_dir / "supervisor.lock"):
            if self._accounts is not None:
                system_accounts.arrange(self._data_dir, self._accounts)
            return await self._serve()

    def _check_accounts(self) -> None:
        """See that the processes can be started in the accounts that the settings name."""
        if self._accounts is None:
            if os.geteuid() == system_accounts.ROOT:
                log.warning("everything runs as root: give the processes accounts of their own (setting 'accounts')")
            return
        for room in ("keeper", "doors", "inspector", "jobs"):
            account = self._accounts.of_room(room)
            for path in (self._data_dir, Path(sys.executable), Path(sys.executable).resolve(), Path(__file__)):
                system_accounts.check_within_reach(path, account)

    async def _serve(self) -> int:
        loop = asyncio.get_running_loop()
        http = listening.bound(self._settings.http)
        sftp = listening.bound(self._settings.sftp)
        settings = self._with_certificate(http)
        self._caller = KeeperCaller(self._data_dir / "run", "admin", settings)
        keeper = self._child("keeper", "keeper", settings)
        await keeper.start()
        inspectors = self._inspectors(settings)
        jobs: list[Child] = []
        if settings.witnesses or settings.time_stamps or settings.syslog or (settings.smtp and settings.public_url):
            jobs.append(self._child("jobs", "jobs", settings))
        doors: list[Child] = []
        web: list[Child] = []
        try:
            if not await self._ready(keeper):
                return 0
            settings = await self._in_force(settings)
            for number in range(1, max(1, settings.workers) + 1):
                doors.append(self._child(f"sftp-{number}", "doors.sftp", settings, sftp))
                web.append(self._http_worker(settings, http))
            for child in (*doors, *web, *inspectors, *jobs):
                await child.start()
            self._note_presence(settings, http, sftp)
            await self._announce(settings, http, sftp)
            loop.add_signal_handler(
                signal.SIGHUP, lambda: loop.create_task(self._replace_http(web, settings, http), name="reload")
            )
            await self._watch(keeper)
        finally:
            drain = settings.drain_seconds + _DRAIN_EXTRA_SECONDS
            for listener in (*http, *sftp):
                listener.close()
            await asyncio.gather(*(child.stop(drain) for child in (*doors, *web)))
            await asyncio.gather(*(child.stop(_DRAIN_EXTRA_SECONDS) for child in (*inspectors, *jobs)))
            await self._caller.close()
            await keeper.stop(_KEEPER_STOP_SECONDS)
            presence.forget(self._data_dir)
        return 0

    def _with_certificate(self, http: list[socket.socket]) -> Settings:
        """Return the settings with a certificate wherever HTTP can be reached from outside."""
        settings = self._settings
        if settings.tls_cert or all(listening.is_loopback(listener) for listener in http):
            return settings
        host, _ = listening.parsed(settings.http)
        hosts = [host] if host and host not in {"0.0.0.0", "::"} else []  # noqa: S104  # compared, not bound
        if self._accounts is None:
            cert, key = certificate.ensured(self._data_dir / "keys", hosts, Clock().now())
        else:
            readers = self._accounts.doors.gid
            cert, key = certificate.ensured(self._data_dir / "tls", hosts, Clock().now(), readers=readers)
        log.warning("no certificate was given: HTTPS uses the self-signed %s", cert)
        return dataclasses.replace(settings, tls_cert=str(cert), tls_key=str(key))

    def _child(self, name: str, room: str, settings: Settings, listeners: Sequence[socket.socket] = ()) -> Child:
        """Return a process of a room, not started yet, in the account that the settings give it."""
        if room != "jobs":
            settings = dataclasses.replace(settings, smtp_password="")
        return Child(
            name,
            f"sealane.{room}",
            settings=settings,
            data_dir=self._data_dir,
            listeners=listeners,
            account=None if self._accounts is None else self._accounts.of_room(room),
        )

    def _inspectors(self, settings: Settings) -> list[Child]:
        """Return the inspectors; where there are several, the first takes only what is small."""
        count = settings.inspectors or max(2, min(len(os.sched_getaffinity(0)), _INSPECTORS_UNASKED_MAX))
        if count == 1:
            return [self._child("inspector", "inspector", settings)]
        others = [self._child(f"inspector-{number}", "inspector", settings) for number in range(1, count)]
        return [self._child("inspector-small", "inspector.small", settings), *others]

    def _http_worker(self, settings: Settings, listeners: list[socket.socket]) -> Child:
        self._http_number += 1
        return self._child(f"http-{self._http_number}", "doors.http", settings, listeners)

    async def _ready(self, keeper: Child) -> bool:
        """Wait until the keeper has written something durably. Return False when told to stop meanwhile."""
        assert self._caller is not None
        asking = asyncio.create_task(self._caller.ask(Health()))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            while not asking.done() and not stopping.done():
                if keeper.ended_with not in {None, EXIT_LEASE_HELD}:
                    raise StartFailed
                await asyncio.wait({asking, stopping}, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                asking.result()
            return not stopping.done()
        finally:
            asking.cancel()
            stopping.cancel()
            await asyncio.gather(asking, stopping, return_exceptions=True)

    async def _in_force(self, settings: Settings) -> Settings:
        """Return the settings with what was changed at a page, as the keeper has it: doors have a copy of their own."""
        assert self._caller is not None
        told = await self._caller.ask(ListSettings())
        assert isinstance(told, RowsAre)
        found = (dict(zip(row.columns, row.values, strict=True)) for row in told.rows)
        values: dict[str, Any] = {str(row["name"]): row["value"] for row in found}
        return dataclasses.replace(settings, **values)

    async def _watch(self, keeper: Child) -> None:
        """Ask the keeper now and then whether it can write, until told to stop; kill one that does not answer."""
        assert self._caller is not None
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), _HEALTH_SECONDS)
            except TimeoutError:
                pass
            else:
                return
            try:
                await self._caller.ask(Health())
            except SealaneError as problem:
                log.error("the keeper cannot write: %s", problem.code)  # noqa: TRY400  # its own log says more
                if problem.code == "keeper-away" and keeper.running:
                    log.error("the keeper does not answer; it is killed and started again")  # noqa: TRY400  # as above
                    keeper.kill()

    async def _replace_http(self, web: list[Child], settings: Settings, http: list[socket.socket]) -> None:
        """Put new HTTP workers, which read the certificate anew, in place of each old one; the old ones drain."""
        log.info("reload: the HTTP workers are replaced")
        settings = await self._in_force(settings)
        for number, old in enumerate(list(web)):
            new = self._http_worker(settings, http)
            await new.start()
            web[number] = new
            await old.stop(settings.drain_seconds + _DRAIN_EXTRA_SECONDS)

    def _note_presence(self, settings: Settings, http: list[socket.socket], sftp: list[socket.socket]) -> None:
        noted = presence.Presence(
            http=tuple(map(listening.shown, http)),
            sftp=tuple(map(listening.shown, sftp)),
            tls_cert=settings.tls_cert,
            accounts=settings.accounts,
        )
        presence.note(self._data_dir, noted)

    async def _announce(self, settings: Settings, http: list[socket.socket], sftp: list[socket.socket]) -> None:
        """Print where the server is and how to begin."""
        assert self._caller is not None
        keys = await self._caller.ask(HostKeys())
        assert isinstance(keys, HostKeysAre)
        scheme = "https" if settings.tls_cert else "http"
        lines = [f"Sealane {__version__} serves {self._data_dir}"]
        lines += [f"  {scheme:5} {scheme}://{listening.shown(listener)}/" for listener in http]
        lines += [f"  sftp  sftp://{listening.shown(listener)}/" for listener in sftp]
        lines += [f"  SSH host key {fingerprint(blob)}" for blob in keys.keys]
        link = await self._caller.ask(NewSetupLink())
        assert isinstance(link, LinkIs)
        if link.secret:
            base = self._settings.public_url.rstrip("/") or f"{scheme}://{listening.shown(http[0])}"
            lines += [
                "Nobody can sign in yet. Open this link once, in a browser, to make the first administrator:",
                f"  {base}/setup/{link.secret}",
                "Or by the command line:",
                "  sealane org add NAME; sealane user add admin@NAME --role admin --password-stdin",
            ]
        sys.stdout.write("\n".join(lines) + "\n\n")
        sys.stdout.flush()


def _must_be_closed(folder: Path, forbidden: int) -> None:
    """Refuse a folder into which other accounts reach: they could read its secrets, or put theirs in their place."""
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except FileNotFoundError:
        return
    if mode & forbidden:
        raise OpenToOthers(
            f"{folder} has mode {mode:04o}: other accounts of this machine can reach into it. It must have mode 0700."
            f" Run: chmod 0700 {folder}"
        )


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock file while serving: a second supervisor would take the first one's keeper for its own."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AlreadyServed from None
    finally:
        os.close(lock)
