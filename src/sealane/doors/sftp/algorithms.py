"""Which SSH algorithms a client is offered, by the version line it sent. Pure.

AES-GCM only, since the client's order decides and OpenSSH's default puts slower ciphers first: what is not offered
cannot be chosen. A client that says by its version that it knows no GCM is offered aes-ctr with encrypt-then-MAC, and
one that knows not even that a plain MAC. Whatever is older is offered only where the administrator's settings name it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sealane.settings import SettingInvalid, Settings

KEY_EXCHANGES: Final = (
    b"mlkem768x25519-sha256",
    b"curve25519-sha256",
    b"curve25519-sha256@libssh.org",
    b"ecdh-sha2-nistp256",
    b"ecdh-sha2-nistp384",
)
"""Post-quantum first; the NIST curves are for clients held to FIPS 140, which have nothing else of these."""

SIGNATURES: Final = (
    b"ssh-ed25519",
    b"sk-ssh-ed25519@openssh.com",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"rsa-sha2-512",
    b"rsa-sha2-256",
)
"""Told to clients as `server-sig-algs` (RFC 8308); which of them a user may sign in with is the keeper's to say."""

GCM: Final = (b"aes256-gcm@openssh.com", b"aes128-gcm@openssh.com")
CTR: Final = (b"aes256-ctr", b"aes192-ctr", b"aes128-ctr")
ETM: Final = (b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-512-etm@openssh.com")
PLAIN: Final = (b"hmac-sha2-256", b"hmac-sha2-512")


@dataclass(frozen=True, slots=True)
class Offer:
    """Ciphers and MACs offered to one client, both ways, ours preferred first."""

    ciphers: tuple[bytes, ...]
    macs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _WithoutGcm:
    """A client whose releases before `since` know no AES-GCM."""

    software: re.Pattern[bytes]
    since: tuple[int, int]
    macs: tuple[bytes, ...]


_CLIENTS_WITHOUT_GCM: Final = (
    _WithoutGcm(re.compile(rb"SSH-2\.0-paramiko_(\d{1,4})\.(\d{1,4})"), (3, 5), ETM),
    _WithoutGcm(re.compile(rb"SSH-2\.0-libssh2_(\d{1,4})\.(\d{1,4})"), (1, 11), PLAIN),
    _WithoutGcm(re.compile(rb"SSH-2\.0-PuTTY_Release_(\d{1,4})\.(\d{1,4})"), (0, 78), ETM),
)


def offer(client_version: bytes, settings: Settings) -> Offer:
    """Return what a client with this version line (RFC 4253, 4.2) is offered."""
    ciphers, macs = GCM, ETM
    for client in _CLIENTS_WITHOUT_GCM:
        found = client.software.match(client_version)
        if found and (int(found[1]), int(found[2])) < client.since:
            ciphers, macs = CTR, client.macs
    return Offer(
        ciphers=(*ciphers, *_named(settings.sftp_ciphers_older)),
        macs=(*macs, *_named(settings.sftp_macs_older)),
    )


def _named(setting: str) -> tuple[bytes, ...]:
    return tuple(name.encode("ascii") for name in re.split(r"[,\s]+", setting) if name)


def check(settings: Settings, *, ciphers: frozenset[bytes], macs: frozenset[bytes]) -> None:
    """Raise `SettingInvalid` if the administrator named an algorithm that does not exist."""
    for setting, known in ((settings.sftp_ciphers_older, ciphers), (settings.sftp_macs_older, macs)):
        for name in _named(setting):
            if name not in known:
                raise SettingInvalid(f"There is no SSH algorithm named {name.decode()!r}.")
