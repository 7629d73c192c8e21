"""The desk's folder: everything in it sealed to the officer's key, each file written whole or not at all.

In clear are only `desk.json` (the format, the public keys) and how many files of what size there are. Must stay true:
what was written is never written over; a number is used once.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane.desk.failures import DeskDamaged, DeskExists, DeskMissing, DeskVersionUnsupported
from sealane.errors import SealaneError
from sealane.vault.age import files, keys
from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sealane.vault.age.keys import Identity

VERSION: Final = 1
_ABOUT: Final = "desk.json"
_SECRETS: Final = "secrets.age"
_ENDING: Final = ".age"
FETCHED: Final = ("batches", "facts", "aliases", "maps", "ledger", "refusals")
"""What a sync makes anew."""
_NAME: Final = re.compile(r"[a-z]+(/[a-z0-9-]{1,80}){1,3}")
_NUMBER: Final = re.compile(r"(\d{6})" + re.escape(_ENDING))
_ABOUT_BYTES_MAX: Final = 1 << 20


class _About(msgspec.Struct, forbid_unknown_fields=True):
    """`desk.json`."""

    version: int
    recipients: tuple[str, ...]
    attests: str
    """The public key that the desk's attestations are signed with, Ed25519, in hex."""


class _Secrets(msgspec.Struct, forbid_unknown_fields=True):
    """`secrets.age`: what the desk alone knows."""

    seed: int
    """Keys the hashes by which aliases are told apart, so that no list can be written to collide."""
    attesting: bytes


@dataclass(frozen=True, slots=True)
class Folder:
    """A desk's folder, open."""

    path: Path
    recipients: tuple[str, ...]
    identities: Sequence[Identity]
    seed: int
    attesting: Ed25519PrivateKey

    def write(self, name: str, plain: bytes) -> None:
        """Seal and write a new file, durable before this returns. Raises `DeskExists` where it is there already."""
        assert _NAME.fullmatch(name), "names are made here"
        sealed = files.seal(plain, [keys.recipient(text) for text in self.recipients])
        _keep(self.path / (name + _ENDING), sealed)

    def read(self, name: str) -> bytes:
        """Open a file. Raises `DeskDamaged`."""
        assert _NAME.fullmatch(name), "names are made here"
        try:
            return files.open_sealed((self.path / (name + _ENDING)).read_bytes(), self.identities)
        except (OSError, SealaneError) as problem:
            raise DeskDamaged(
                f"{name}{_ENDING} in the desk's folder cannot be opened. {DeskDamaged.default}"
            ) from problem

    def numbers(self, kind: str) -> list[int]:
        """Return the numbers of the files of a kind, in order. Raises `DeskDamaged` where one is missing between."""
        place = self.path / kind
        found = sorted(int(each[1]) for one in _listed(place) if (each := _NUMBER.fullmatch(one)))
        if found != list(range(1, len(found) + 1)):
            raise DeskDamaged(f"A file of {kind} is missing in the desk's folder. {DeskDamaged.default}")
        return found

    def groups(self, kind: str) -> list[str]:
        """Return the names of the groups of numbered files of a kind."""
        return [one for one in _listed(self.path / kind) if (self.path / kind / one).is_dir()]

    def discard(self, *names: str) -> None:
        """Remove files that never counted, where they are there."""
        for name in names:
            (self.path / (name + _ENDING)).unlink(missing_ok=True)

    def wipe(self) -> None:
        """Remove all that was taken and can be taken again; incidents stay."""
        for kind in FETCHED:
            shutil.rmtree(self.path / kind, ignore_errors=True)


def numbered(kind: str, number: int) -> str:
    """Return the name of the file of this number."""
    return f"{kind}/{number:06d}"


def make(path: Path, recipients: Sequence[str]) -> None:
    """Make an empty desk whose files open with the keys of these recipients. Raises `DeskExists`, `KeyInvalid`."""
    if path.exists() and _listed(path):
        raise DeskExists
    parsed = [keys.recipient(text) for text in recipients]
    keys.check_together(parsed)
    make_private(path)
    attesting = Ed25519PrivateKey.generate()
    secret = _Secrets(secrets.randbits(63), attesting.private_bytes_raw())
    _keep(path / _SECRETS, files.seal(msgspec.msgpack.encode(secret), parsed))
    about = _About(VERSION, tuple(recipients), attesting.public_key().public_bytes_raw().hex())
    _keep(path / _ABOUT, msgspec.json.format(msgspec.json.encode(about)) + b"\n")


def open_(path: Path, identities: Sequence[Identity]) -> Folder:
    """Open a desk. Raises `DeskMissing`, `DeskVersionUnsupported`, `DeskDamaged`, `NoIdentityMatches`."""
    try:
        content = (path / _ABOUT).read_bytes()
        sealed = (path / _SECRETS).read_bytes()
    except OSError:
        raise DeskMissing from None
    if len(content) > _ABOUT_BYTES_MAX or len(sealed) > _ABOUT_BYTES_MAX:
        raise DeskDamaged
    try:
        version = msgspec.json.decode(content, type=dict[str, object]).get("version")
        if version != VERSION:
            raise DeskVersionUnsupported
        about = msgspec.json.decode(content, type=_About)
        secret = msgspec.msgpack.decode(files.open_sealed(sealed, identities), type=_Secrets)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise DeskDamaged from None
    attesting = Ed25519PrivateKey.from_private_bytes(secret.attesting)
    if attesting.public_key().public_bytes_raw().hex() != about.attests:
        raise DeskDamaged("The key in desk.json is not this desk's.")
    return Folder(path, about.recipients, identities, secret.seed, attesting)


def _listed(place: Path) -> list[str]:
    try:
        return sorted(each.name for each in place.iterdir())
    except OSError:
        return []


def make_private(path: Path) -> None:
    """Make a folder and those above it that are missing, for their owner alone."""
    for place in (*reversed(path.parents), path):
        if not place.exists():
            place.mkdir(mode=0o700, exist_ok=True)


def _keep(path: Path, content: bytes) -> None:
    make_private(path.parent)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        raise DeskExists(f"{path.name} is there already, and is never written over.") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    sync_folder(path.parent)
