"""The user's private keys: making an identity file, and reading the files at hand.

An identity file is age's own: lines of `AGE-SECRET-KEY-…`, comments begin with `#`; or such a file sealed with a
passphrase; or an OpenSSH private key of type ssh-ed25519. `SEALANE_IDENTITY` names one or more (separated as in
`PATH`); otherwise it is `identity.txt` in the user's configuration folder. Must stay true: a key is written for its
owner alone, and never over another file; a file of keys that others can read is not used.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sealane.client.accounts import configuration_folder
from sealane.client.failures import IdentityExposed, LocalFailure, PassphraseWrong
from sealane.errors import TooLarge
from sealane.settings import ClientSettings
from sealane.vault.age import armor, files, keys
from sealane.vault.age.failures import KeyInvalid, NoIdentityMatches
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.passphrase import Passphrase
from sealane.vault.age.ssh import SshIdentity
from sealane.vault.age.x25519 import X25519Identity
from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

_SSH_BEGIN = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_AGE_BEGIN = b"age-encryption.org/"


@dataclass(frozen=True, slots=True)
class Held:
    """A private key at hand, and where it was found."""

    path: Path
    identity: keys.OwnIdentity


def identity_files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the files to look for keys in: those that `SEALANE_IDENTITY` names, else the default one if there."""
    named = [Path(one) for one in environ.get("SEALANE_IDENTITY", "").split(os.pathsep) if one]
    if named:
        return named
    path = default_file(environ)
    return [path] if path.exists() else []


def default_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where a new identity goes when nothing else is said."""
    return configuration_folder(environ) / "identity.txt"


def held_in(
    files_: Sequence[Path],
    ask: Callable[[Path], str],
    settings: ClientSettings = ClientSettings(),  # noqa: B008 frozen
) -> list[Held]:
    """Return the keys in these files, in order. `ask` is asked for the passphrase of a file that has one.

    Raises `LocalFailure`, `IdentityExposed`, `PassphraseWrong`, `KeyInvalid`.
    """
    held = [Held(path, one) for path in files_ for one in _read(path, ask, settings)]
    if len(held) > settings.identities_max:
        raise TooLarge("There are too many keys in these files.")
    return held


def make(*, classic: bool) -> X25519Identity | HybridIdentity:
    """Return a new private key: post-quantum, or X25519 for partners whose tools know nothing else."""
    return X25519Identity.new() if classic else HybridIdentity.new()


def written(identity: X25519Identity | HybridIdentity, now: datetime, passphrase: str | None) -> bytes:
    """Return an identity file as age-keygen writes it; with a passphrase it is sealed with that, in its text form."""
    text = f"# created: {now:%Y-%m-%dT%H:%M:%SZ}\n# public key: {identity.recipient()}\n{identity.text()}\n".encode()
    if passphrase is None:
        return text
    return armor.enclose(files.seal(text, [Passphrase(passphrase)]))


def keep(path: Path, content: bytes) -> None:
    """Write a new file of secrets, mode 0600, durable, whole or not at all. Raises `LocalFailure` where one is."""
    unfinished = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(unfinished, path)
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
        sync_folder(path.parent)
    except FileExistsError:
        raise LocalFailure(f"{path} is there already, and a key is never overwritten. Name another file.") from None
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be written: {problem.strerror}.") from None


def _read(path: Path, ask: Callable[[Path], str], settings: ClientSettings) -> list[keys.OwnIdentity]:
    content = _content(path, settings)
    try:
        if content.lstrip().startswith(_SSH_BEGIN):
            return [_ssh_key(path, content, ask)]
        if armor.is_armored(content) or content.startswith(_AGE_BEGIN):
            content = files.open_sealed(content, [Passphrase(ask(path))])
        found = keys.identities(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise KeyInvalid(f"{path} is not a file of keys.") from None
    except NoIdentityMatches:
        raise PassphraseWrong(f"This passphrase does not open {path}.") from None
    except KeyInvalid as problem:
        raise KeyInvalid(f"{path}: {problem.sentence}") from None
    if not found:
        raise KeyInvalid(f"There is no key in {path}.")
    return found


def _ssh_key(path: Path, content: bytes, ask: Callable[[Path], str]) -> SshIdentity:
    try:
        return SshIdentity.from_file(content)
    except KeyInvalid:
        if not SshIdentity.needs_passphrase(content):
            raise
    return SshIdentity.from_file(content, ask(path).encode())


def _content(path: Path, settings: ClientSettings) -> bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise IdentityExposed(f"{path} can be read by others. Run 'chmod 600 {path}'.")
            content = file.read(settings.identity_file_bytes_max + 1)
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be read: {problem.strerror}.") from None
    if len(content) > settings.identity_file_bytes_max:
        raise TooLarge(f"{path} is too large for a file of keys.")
    return content
