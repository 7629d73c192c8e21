"""A server whose processes have accounts of their own, as root starts it, and a folder that these may pass through."""

import contextlib
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from tests.running_server import ROOT, RunningServer

FIRST_ID = "61840"
"""Ids that no machine gives away by itself: above those of people, below those of containers."""


def within_reach() -> tuple[str, ...]:
    """Return what begins a command so that other accounts find Python and the program, wherever root keeps them.

    Where a folder above them is closed (a home of root's), it is shown with nothing else in it, to this command alone.
    """
    needed = dict.fromkeys([sys.base_prefix, sys.prefix, str(ROOT)])
    closed = {folder: path for path in needed for folder in Path(path).parents if not folder.stat().st_mode & 0o001}
    if not closed:
        return ()
    lines = ["set -e", "stash=$(mktemp -d)", "mount -t tmpfs tmpfs $stash"]
    hidden = [path for path in needed if any(folder in Path(path).parents for folder in closed)]
    for number, path in enumerate(hidden):
        lines += [f"mkdir $stash/{number}", f"mount --bind {shlex.quote(path)} $stash/{number}"]
    lines += [f"mount -t tmpfs -o mode=0755 tmpfs {shlex.quote(str(min(closed, key=lambda one: len(one.parts))))}"]
    for number, path in enumerate(hidden):
        lines += [f"mkdir -p {shlex.quote(path)}", f"mount --bind $stash/{number} {shlex.quote(path)}"]
    return ("unshare", "--mount", "sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh")


class ServerApart(RunningServer):
    """A server whose processes have accounts of their own, where Python is within their reach."""

    program = (*within_reach(), *RunningServer.program)


@contextlib.contextmanager
def folder_within_reach():
    """Give a folder that other accounts may pass through, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="sealane-accounts-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
