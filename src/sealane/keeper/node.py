"""Opening a node: its folders, lease, schema, keys, host keys, and the trace that tells a crash from a clean stop.

What lives here: everything that happens once, before the first operation and after the last. Must stay true: nothing is
changed before the lease is held; a lost key file is told, never replaced by a fresh one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealane import __version__
from sealane.database.engine import Database
from sealane.errors import Integrity, Unavailable
from sealane.keeper import host_keys, queries
from sealane.keeper.host_keys import HostKeys
from sealane.ledger.events import KeeperStarted, KeeperStopped
from sealane.ledger.signer import Signer
from sealane.vault.disk import make_durably
from sealane.vault.keys import NodeKeys

if TYPE_CHECKING:
    from pathlib import Path

    from sealane.database.engine import Transaction
    from sealane.domain.work import Work
    from sealane.settings import Settings

_HOST_KEY = "ssh-host-key-"
"""Rows of `node`: private host keys in order of preference, wrapped by the node key under the row's name."""
_SIGNING_KEY = "ledger-signing-key"
"""The row of `node` with the long-term key that signs the ledger, wrapped likewise."""
_ALIVE = "alive"
"""The row of `node` that says when the keeper that serves was last able to write; empty after a clean end."""


class Node(NamedTuple):
    """A node, opened and leased."""

    database: Database
    keys: NodeKeys
    host_keys: HostKeys
    signer: Signer


def opened(data_dir: Path, settings: Settings) -> Node:
    """Open the node in this folder, making what is not there. Raises `Unavailable` where that cannot be."""
    try:
        make_durably(data_dir)
        (data_dir / "run").mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise Unavailable(f"The data directory {data_dir} cannot be made or used: {problem.strerror}.") from problem
    database = Database.open(settings.database or f"sqlite:///{(data_dir / 'catalogue.sqlite').absolute()}")
    try:
        database.hold_lease()
        database.migrate()
        with database.begin() as transaction:
            known = {row.name: row.value for row in transaction.all(queries.NODE_VALUES)}
            keys = NodeKeys.open(data_dir / "keys", may_create=not known)
            ours = _host_keys(transaction, keys, known, settings)
            signer = Signer(
                _signing_key(transaction, keys, known),
                checkpoint_seconds=settings.checkpoint_seconds,
                key_seconds=settings.signing_key_seconds,
            )
    except BaseException:
        database.close()
        raise
    return Node(database, keys, ours, signer)


def _host_keys(transaction: Transaction, keys: NodeKeys, known: dict[str, bytes], settings: Settings) -> HostKeys:
    names = [name for name in known if name.startswith(_HOST_KEY)]
    if names:
        return HostKeys(host_keys.unpacked(_unwrapped(keys, name, known[name])) for name in names)
    made = host_keys.made(rsa_bits=settings.ssh_rsa_host_key_bits)
    for number, key in enumerate(made):
        name = f"{_HOST_KEY}{number}"
        transaction.run(queries.ADD_NODE_VALUE, name=name, value=keys.wrap_secret(name, host_keys.packed(key)))
    return HostKeys(made)


def _signing_key(transaction: Transaction, keys: NodeKeys, known: dict[str, bytes]) -> Ed25519PrivateKey:
    if _SIGNING_KEY in known:
        return Ed25519PrivateKey.from_private_bytes(_unwrapped(keys, _SIGNING_KEY, known[_SIGNING_KEY]))
    made = Ed25519PrivateKey.generate()
    wrapped = keys.wrap_secret(_SIGNING_KEY, made.private_bytes_raw())
    transaction.run(queries.ADD_NODE_VALUE, name=_SIGNING_KEY, value=wrapped)
    return made


def _unwrapped(keys: NodeKeys, name: str, wrapped: bytes) -> bytes:
    """Return a secret of this node. Raises `Integrity` where the database is not the one that these keys are for."""
    try:
        return keys.unwrap_secret(name, wrapped)
    except Integrity:
        raise Integrity(
            "The database and the node's keys do not belong together: one of the two is of another server, or was"
            " altered. Nothing in it, its ledger included, can be trusted to be this server's."
        ) from None


def wrap_secrets_anew(transaction: Transaction, keys: NodeKeys) -> None:
    """Wrap the node's own secrets by the newest node key."""
    for row in transaction.all(queries.NODE_VALUES):
        if row.name.startswith(_HOST_KEY) or row.name == _SIGNING_KEY:
            wrapped = keys.wrap_secret(row.name, keys.unwrap_secret(row.name, row.value))
            transaction.run(queries.SET_NODE_VALUE, of_name=row.name, value=wrapped)


def begin_serving(work: Work) -> None:
    """Note that a keeper serves, and record how the last one ended."""
    known = {row.name: row.value for row in work.transaction.all(queries.NODE_VALUES)}
    seen = known.get(_ALIVE)
    if seen is None:
        work.transaction.run(queries.ADD_NODE_VALUE, name=_ALIVE, value=_seen_at(work))
    else:
        note_alive(work)
    previous = "first" if seen is None else "crash" if seen else "clean"
    work.record(KeeperStarted(previous=previous, release=__version__))
    work.checkpoint = True


def note_alive(work: Work) -> None:
    """Note that the keeper is able to write."""
    work.transaction.run(queries.SET_NODE_VALUE, of_name=_ALIVE, value=_seen_at(work))


def end_serving(work: Work) -> None:
    """Note and record that the keeper ends cleanly."""
    work.transaction.run(queries.SET_NODE_VALUE, of_name=_ALIVE, value=b"")
    work.record(KeeperStopped())


def _seen_at(work: Work) -> bytes:
    return work.now.isoformat().encode()
