"""What runs in a process that was taken over: it has the process's account, groups and sockets, and tries everything.

A program of its own: reads what it may know as JSON from standard input, tries, and prints what came of each attempt as
JSON: "refused: …" where the system or the keeper said no, anything else where it got through.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path

from sealane.errors import KeeperAway, OutcomeUnknown, SealaneError
from sealane.operations import accounts, audit, files, signing
from sealane.operations.caller import ask_once, socket_path
from sealane.settings import Settings

PTRACE_ATTACH = 16
SETTINGS = Settings(keeper_wait_seconds=20)
libc = ctypes.CDLL(None, use_errno=True)


def refused(why) -> str:
    return f"refused: {why}"


def tried(act) -> str:
    """Do it, and say what came of it."""
    try:
        return str(act())
    except PermissionError as problem:
        return refused(problem.strerror)
    except SealaneError as failure:
        return refused(failure.code)


class Attacker:
    def __init__(self, known):
        self.data = Path(known["data"])
        self.known = known
        self.handle = ""

    def ask(self, operation, name=None):
        return ask_once(self.data / "run", name or self.known["socket"], operation, SETTINGS)

    # --- the system's side ------------------------------------------------------------------------------------------

    def files(self):
        """Everything of the data directory that is not the blob store's, read and written."""
        for name in self.known["closed"]:
            yield f"read {name}", lambda name=name: (self.data / name).read_bytes()
            yield f"write {name}", lambda name=name: (self.data / name).open("r+b").write(b"x")
            yield f"remove {name}", lambda name=name: (self.data / name).unlink()
        for folder in (".", "run", "keys", "tls"):
            yield f"make a file in {folder}", lambda folder=folder: (self.data / folder / "planted").write_bytes(b"x")
            yield f"open {folder} to all", lambda folder=folder: (self.data / folder).chmod(0o777)
        yield "list keys", lambda: list((self.data / "keys").iterdir())
        yield "put another folder of sockets there", lambda: (self.data / "run").rename(self.data / "run.old")
        yield "write the program", lambda: Path(signing.__file__).write_bytes(b"x")

    def processes(self):
        """Memory, environment, open files and life of every other process."""
        for room, pid in self.known["pids"].items():
            place = Path(f"/proc/{pid}")
            for name in ("mem", "environ", "maps", "auxv", "stack"):
                yield f"read {name} of {room}", lambda place=place, name=name: (place / name).open("rb").read(16)
            yield f"list open files of {room}", lambda place=place: list((place / "fd").iterdir())
            yield f"trace {room}", lambda pid=pid: self.call(libc.ptrace(PTRACE_ATTACH, pid, None, None))
            yield f"read memory of {room}", lambda pid=pid: self.memory(pid)
            if room not in self.known["same_account"]:
                yield f"stop {room}", lambda pid=pid: os.kill(pid, signal.SIGSTOP)

    def call(self, result):
        if result == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return "done"

    def memory(self, pid):
        class Piece(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

        here = ctypes.create_string_buffer(8)
        local = Piece(ctypes.cast(here, ctypes.c_void_p), 8)
        remote = Piece(0x400000, 8)
        return self.call(libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))

    def rights(self):
        """More rights than the account has."""
        yield "become root", lambda: os.setuid(0)
        yield "become the keeper", lambda: os.setuid(self.known["keeper_uid"])
        yield "take root's group", lambda: os.setgid(0)
        yield "take groups", lambda: os.setgroups([0])
        yield "give files away", lambda: os.chown(self.data / "blobs", 0, 0)

    def sockets(self):
        """The sockets that are not ours."""
        for name in {"doors", "inspector", "jobs", "admin"} - {self.known["socket"]}:
            yield f"ask by {name}.sock", lambda name=name: self.turned_away(name)

    def turned_away(self, name):
        """A connection that is ended at once was refused; one that cannot be made says so by itself."""
        with socket.socket(socket.AF_UNIX) as line, socket_path(self.data / "run", name) as path:
            line.connect(path)
        with contextlib.suppress(KeeperAway, OutcomeUnknown):
            return self.ask(signing.Health(), name)
        raise PermissionError(0, "ended at once")

    # --- the keeper's side ------------------------------------------------------------------------------------------

    def operations(self):
        """What a door may ask nobody for, and what it may not have without a session that is in it."""
        for operation in (
            accounts.GrantFolder(folder="clinic:/in", grantee="carl@insurer", rights=("list", "read", "write")),
            accounts.AddUser(user="mallory@clinic", role="admin"),
            accounts.AddToken(user="anna@clinic", scopes=("read", "write", "admin"), expires=None),
            accounts.SetPassword(user="anna@clinic", password="mallory's password"),
            accounts.RotateNodeKey(),
            audit.ReadLedger(),
            audit.Checkpoint(),
            audit.ForwardedUpTo(seq=0),
            audit.RecordCosignature(witness="w", size=1, line="x"),
        ):
            yield f"ask {type(operation).__name__}", lambda operation=operation: self.ask(operation)
        for handle in ("", "x" * 43, self.known["session"], self.known["spent_handle"]):
            yield (
                f"read as {handle[:6]!r}…",
                lambda handle=handle: self.ask(files.OpenVersion(handle=handle, path="/in/secret")),
            )
        replayed = {name: bytes.fromhex(value) for name, value in self.known["sign_in_bytes"].items()}
        again = signing.SignInWithKey(**self.known["sign_in"], **replayed)
        yield "play a sign-in again", lambda: self.ask(again)
        yield (
            "have the exchange signed again",
            lambda: self.ask(
                signing.SignExchange(
                    exchange_hash=again.session_identifier, algorithm="ssh-ed25519", address="192.0.2.9", first=True
                )
            ),
        )
        fresh = os.urandom(32)
        self.ask(signing.SignExchange(exchange_hash=fresh, algorithm="ssh-ed25519", address="192.0.2.9", first=True))
        moved = signing.SignInWithKey(**self.known["sign_in"], **(replayed | {"session_identifier": fresh}))
        yield "use a signature for another exchange", lambda: self.ask(moved)

    def own_session(self):
        """With a user's own token, as the user sends it to a door: what its user may, and nothing else."""
        told = self.ask(signing.SignInWithToken(token=self.known["token"], address="192.0.2.9", door="http"))
        self.handle = told.handle
        for path in ("/in/secret", "/@clinic/in/secret", "/../in/secret", "/mine/../in/secret"):
            yield f"read {path}", lambda path=path: self.ask(files.OpenVersion(handle=told.handle, path=path))
        yield "read the organization's ledger", lambda: self.ask(audit.ReadOwnLedger(handle=told.handle))

    def all(self):
        yield from self.files()
        yield from self.processes()
        yield from self.rights()
        yield from self.sockets()
        if self.known["socket"] == "doors":
            yield from self.operations()
            yield from self.own_session()


def able(known) -> dict[str, object]:
    """What it can do, all of which SECURITY.md says."""
    attacker = Attacker(known)
    blobs = Path(known["data"]) / "blobs"
    can: dict[str, object] = {"ciphertext": "no"}
    with contextlib.suppress(PermissionError):
        found = [path for folder in list(blobs.iterdir()) for path in folder.iterdir()]
        can["ciphertext"] = any(path.read_bytes() for path in found)
        can["plaintext in it"] = any(known["plaintext"].encode() in path.read_bytes() for path in found)
    if known["socket"] == "doors":
        told = attacker.ask(signing.SignInWithToken(token=known["token"], address="192.0.2.9", door="http"))
        opened = attacker.ask(files.OpenVersion(handle=told.handle, path="/mine/own"))
        can["open what its sessions may, on record"] = opened.download
    return can


def main() -> None:
    known = json.load(sys.stdin)
    came = {name: tried(act) for name, act in Attacker(known).all()}
    json.dump({"came": came, "able": able(known)}, sys.stdout)


if __name__ == "__main__":
    main()
