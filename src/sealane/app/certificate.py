"""The TLS certificate for those who bring none: self-signed, made on first start, made anew before it runs out.

Clients pin it or are given it (`keys/tls.crt`, or `tls/tls.crt`); it proves nothing to a stranger, and the log says so.
Must stay true: the key file is made for those who use it alone and never leaves the data directory.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealane.vault.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

_VALID_FOR = timedelta(days=397)
_RENEWED_BEFORE = timedelta(days=30)


def ensured(folder: Path, hosts: Iterable[str], now: datetime, *, readers: int | None = None) -> tuple[Path, Path]:
    """Return the paths of certificate and key in `folder`, making both if there is none that still holds a while.

    `readers`: a group that may read the key; None: nobody but this account.
    """
    certificate, key = folder / "tls.crt", folder / "tls.key"
    if not (certificate.exists() and key.exists() and _holds(certificate, now)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem, secret = made(hosts, now)
        _write(key, secret, 0o400 if readers is None else 0o440, readers)
        _write(certificate, pem, 0o444, readers)
    return certificate, key


def made(hosts: Iterable[str], now: datetime) -> tuple[bytes, bytes]:
    """Return a new certificate for these host names and addresses and for this machine, and its key, both PEM."""
    secret = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    names = dict.fromkeys([host, "localhost", "127.0.0.1", "::1", *hosts])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([_general(one) for one in names if one]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode())


def _holds(certificate: Path, now: datetime) -> bool:
    try:
        known = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False
    return known.not_valid_after_utc - _RENEWED_BEFORE > now


def _write(path: Path, content: bytes, mode: int, readers: int | None) -> None:
    """Put a whole file in place, or leave what was there."""
    unfinished = path.with_suffix(path.suffix + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        if readers is not None:
            os.fchown(descriptor, -1, readers)
            os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
    sync_folder(path.parent)
