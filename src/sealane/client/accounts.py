"""The login that is kept: a server's address and a token in the user's configuration folder, readable by them alone.

`SEALANE_URL` and `SEALANE_TOKEN` stand before it, `SEALANE_CA` names a private certificate for either.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from sealane.client.failures import LocalFailure, LoginMissing, ServerAddressInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE_BYTES_MAX = 1 << 20
_TOKEN_BYTES_MAX = 4096
_NAME = "default"


@dataclass(frozen=True, slots=True)
class Login:
    """Where to go and who to be there."""

    url: str
    token: str = field(repr=False)
    certificate: str = ""
    """A file of certificates to trust instead of the system's, or empty."""


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    token: str
    certificate: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """`servers.json`: logins by name; one of them, so far."""

    servers: dict[str, _Kept]


def checked_address(url: str) -> str:
    """Return a server's address as `scheme://host[:port]`, or raise `ServerAddressInvalid`.

    Clear HTTP is for loopback only: a token must not cross a network in clear.
    """
    parts = urlsplit(url.strip())
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ServerAddressInvalid from None
    if not host or parts.username is not None or parts.query or parts.fragment or parts.path not in {"", "/"}:
        raise ServerAddressInvalid
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ServerAddressInvalid
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")


def checked_token(token: str) -> str:
    """Return a token that can stand in a header, or raise `LoginMissing`."""
    token = token.strip()
    if not token or len(token) > _TOKEN_BYTES_MAX or not token.isascii() or not token.isprintable() or " " in token:
        raise LoginMissing("This is not a token. Paste what 'sealane token add' printed on its last line.")
    return token


def present_login(environ: Mapping[str, str] = os.environ) -> Login:
    """Return the login in force, or raise `LoginMissing`."""
    url, token = environ.get("SEALANE_URL", ""), environ.get("SEALANE_TOKEN", "")
    certificate = environ.get("SEALANE_CA", "")
    if url and token:
        return Login(checked_address(url), checked_token(token), certificate)
    kept = _read(login_file(environ)).servers.get(_NAME)
    if kept is None:
        raise LoginMissing
    if url and checked_address(url) != kept.url:
        raise LoginMissing(
            f"You are signed in at {kept.url}, not at {url}. Set SEALANE_TOKEN too, or run 'sealane login'."
        )
    return Login(checked_address(kept.url), checked_token(token or kept.token), certificate or kept.certificate)


def keep_login(login: Login, environ: Mapping[str, str] = os.environ) -> Path:
    """Write the login for the next commands, mode 0600, whole or not at all; return where."""
    path = login_file(environ)
    kept = _Kept(url=login.url, token=login.token, certificate=login.certificate)
    write_private(path, msgspec.json.format(msgspec.json.encode(_File(servers={_NAME: kept}))) + b"\n")
    return path


def login_file(environ: Mapping[str, str]) -> Path:
    """Return where the login is kept (XDG Base Directory)."""
    return configuration_folder(environ) / "servers.json"


def configuration_folder(environ: Mapping[str, str]) -> Path:
    """Return where the login and the user's keys are kept (XDG Base Directory)."""
    return _folder(environ, "XDG_CONFIG_HOME", ".config")


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where journals of transfers are kept (XDG Base Directory)."""
    return _folder(environ, "XDG_STATE_HOME", ".local/state")


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step, with nobody but its owner able to read it at any moment."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            unfinished.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be written: {problem.strerror}.") from None


def _folder(environ: Mapping[str, str], variable: str, under_home: str) -> Path:
    named = environ.get(variable, "")
    base = Path(named) if named.startswith("/") else Path(environ.get("HOME") or Path.home()) / under_home
    return base / "sealane"


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX)
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise LocalFailure(f"{path} can be read by others. Run 'chmod 600 {path}', and renew the token.")
        return msgspec.json.decode(content, type=_File)
    except FileNotFoundError:
        return _File(servers={})
    except OSError as problem:
        raise LocalFailure(f"{path} cannot be read: {problem.strerror}.") from None
    except msgspec.MsgspecError:
        raise LocalFailure(f"{path} is damaged. Run 'sealane login' again.") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
