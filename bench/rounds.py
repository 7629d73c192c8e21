"""Which servers run side by side, and who is measured when: ours, a peer, ours, a peer, so that noise hits both."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import servers
from bench.work import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.servers import Server

    Start = Callable[..., contextlib.AbstractContextManager[Server]]
    Act = Callable[[Bench, Server, int], None]


@dataclass(frozen=True)
class Work:
    """One act, the rows that it measures, and on whom."""

    rows: frozenset[str]
    act: Act
    on: tuple[Start, ...]


def _work(act: Act, *on: Start, rows: str) -> Work:
    return Work(frozenset(rows.split()), act, on)


GROUPS = (
    (
        _work(
            Bench.sftp_large,
            servers.sealane,
            servers.openssh,
            servers.rclone_sftp,
            servers.proftpd,
            rows="sftp-up-large sftp-down-large sftp-rate sftp-go",
        ),
        _work(Bench.sftp_rclone, servers.sealane, servers.openssh, rows="sftp-rclone"),
        _work(Bench.sftp_lftp, servers.sealane, servers.openssh, rows="sftp-lftp"),
        _work(Bench.sftp_small, servers.sealane, servers.openssh, rows="sftp-small"),
        _work(Bench.sftp_small_32, servers.sealane, servers.openssh, rows="sftp-small-32"),
        _work(Bench.sftp_login, servers.sealane, servers.openssh, rows="sftp-login"),
    ),
    # Memory is measured on servers that have done nothing else.
    (_work(Bench.sftp_idle, servers.sealane, servers.openssh, rows="sftp-idle"),),
    (_work(Bench.memory, servers.sealane, servers.nginx, servers.rclone_webdav, rows="memory-200"),),
    (
        _work(
            Bench.https_large,
            servers.sealane,
            servers.nginx,
            servers.rclone_webdav,
            rows="https-up https-down https-go",
        ),
        _work(Bench.https_sealed, servers.sealane, servers.nginx, rows="https-down-sealed"),
        _work(Bench.sealed, servers.sealane, rows="sealed-up sealed-up-digested"),
        _work(Bench.parallel, servers.sealane, rows="parallel-200"),
        _work(Bench.client, servers.sealane, rows="client-80ms"),
    ),
)
"""The servers of a group are started once, side by side: while one is measured the others have nothing to do."""


def measure(bench: Bench, wanted: set[str]) -> None:
    """Run the rows that are wanted."""
    for group in GROUPS:
        chosen = [work for work in group if work.rows & wanted]
        with contextlib.ExitStack() as stack:
            started = {
                start: stack.enter_context(start(bench.folder, bench.made))
                for start in dict.fromkeys(start for work in chosen for start in work.on)
            }
            for work in chosen:
                for run in range(bench.size.runs):
                    for start in work.on:
                        work.act(bench, started[start], run)
