"""The lines that every door process shares: what it was started with, its caller and its blob store.

Lives here: putting the three together. Not here: how a process begins (`sealane.process`) or a protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealane.operations.caller import KeeperCaller
from sealane.process import Beginning, begin
from sealane.vault.stores import open_store

if TYPE_CHECKING:
    from sealane.vault.blobs import BlobStore


@dataclass(frozen=True, slots=True)
class Door:
    """All that a door has: no database, no keys but those of the transfers that run."""

    beginning: Beginning
    caller: KeeperCaller
    store: BlobStore


def begin_door(arguments: list[str] | None = None) -> Door:
    """Begin a door's process. The caller connects once its event loop runs (`caller.start()`)."""
    beginning = begin(arguments)
    return Door(
        beginning=beginning,
        caller=KeeperCaller(beginning.run_dir, "doors", beginning.settings),
        store=open_store(beginning.settings, beginning.data_dir),
    )
