"""The ledger over HTTP: its newest checkpoint, tiles of its tree, an organization's own entries, proofs for a receipt.

Lives here: one small function a request. Tiles have the addresses of C2SP tlog-tiles; bundles of entries do not exist
here, since they would show every organization's entries to each. Not here: the receipt itself (`api.py`).
"""

# ruff: noqa: FAST003  # the path is a parameter of `_path`, which ruff does not follow through the alias

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import PlainTextResponse, Response

from sealane.doors.http.api import Asked, Place  # noqa: TC001  # FastAPI reads the annotations
from sealane.doors.http.schemas import LedgerEntryIs, LedgerPage, LedgerSearch, ProofIs, ProofPage
from sealane.errors import Missing
from sealane.operations.administering import SearchLedger
from sealane.operations.audit import (
    CheckpointIs,
    LatestCheckpoint,
    OwnEntriesAre,
    ProofsAre,
    ProveReceipt,
    ReadOwnLedger,
    ReadTile,
    TileIs,
)

router = APIRouter(prefix="/api/v1/audit")

_TILE = re.compile(r"([0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_TILE_WIDTH = 256
_NUMBER_MAX = 2**53 - 1


@router.get("/checkpoint", summary="The ledger's newest checkpoint", response_class=PlainTextResponse)
async def checkpoint(exchange: Asked) -> Response:
    """Return the newest signed checkpoint (C2SP tlog-checkpoint); the header `Sealane-Ledger-Key` has the key."""
    told = await exchange.ask(LatestCheckpoint(handle=""), CheckpointIs)
    return PlainTextResponse(told.note, headers={"Sealane-Ledger-Key": told.key})


@router.get("/tile/{tile:path}", summary="A tile of the ledger's tree", response_class=Response)
async def tile(
    exchange: Asked, tile: Annotated[str, Path(description="`L/N` or `L/N.p/W` (C2SP tlog-tiles).")]
) -> Response:
    """Return the hashes of a tile: 32 bytes each. For auditors, officers and administrators."""
    found = _TILE.fullmatch(tile)
    width = int(found[3]) if found is not None and found[3] else _TILE_WIDTH
    if found is None or (found[3] and width >= _TILE_WIDTH):
        await exchange.sign_in()
        raise Missing("There is no such tile.")
    number = int(found[2].replace("x", "").replace("/", ""))
    told = await exchange.ask(ReadTile(handle="", level=int(found[1]), number=number, width=width), TileIs)
    return Response(b"".join(told.hashes), media_type="application/octet-stream")


@router.get("/entries", summary="Your organization's entries")
async def entries(
    exchange: Asked,
    after: Annotated[int, Query(description="Begin after this entry.", ge=0, le=_NUMBER_MAX)] = 0,
    limit: Annotated[int, Query(description="Entries of one page.", ge=1)] = 500,
) -> LedgerPage:
    """Page through what the ledger says of your organization, and the node's own entries, which proofs need."""
    limit = min(limit, exchange.door.settings.page_entries_max)
    return _page(await exchange.ask(ReadOwnLedger(handle="", after=after, limit=limit), OwnEntriesAre))


@router.get("/log", summary="Search your organization's entries")
async def log(exchange: Asked, asked: Annotated[LedgerSearch, Query()]) -> LedgerPage:
    """Page through the entries about your organization that fit all that is asked. For auditors, officers, admins."""
    limit = min(asked.limit, exchange.door.settings.page_entries_max)
    wanted = SearchLedger(
        handle="",
        after=asked.after,
        limit=limit,
        since=asked.since,
        until=asked.until,
        user=asked.user,
        path=asked.path,
        session=asked.session,
        address=asked.address,
        outcome=asked.outcome,
        folder=asked.folder,
        door=asked.door,
        kind=asked.kind,
    )
    return _page(await exchange.ask(wanted, OwnEntriesAre))


def _page(told: OwnEntriesAre) -> LedgerPage:
    return LedgerPage(
        entries=tuple(
            LedgerEntryIs(seq=entry.seq, body=entry.body.decode(), leaf=entry.leaf.hex(), openings=entry.openings or {})
            for entry in told.entries
        ),
        after=told.after,
    )


@router.get("/proofs/{path:path}", summary="Prove the receipt of a file")
async def proofs(
    exchange: Asked,
    place: Place,
    after: Annotated[int, Query(description="Begin after this entry.", ge=0, le=_NUMBER_MAX)] = 0,
) -> ProofPage:
    """Return a C2SP tlog-proof for each entry of the file's receipt: whoever has the ledger's key can check it."""
    told = await exchange.ask(ProveReceipt(handle="", path=place, after=after), ProofsAre)
    if told.pending:  # the checkpoint that covers them was made with this very answer
        told = await exchange.ask(ProveReceipt(handle="", path=place, after=after), ProofsAre)
    return ProofPage(
        proofs=tuple(ProofIs(entry=proof.entry, proof=proof.text) for proof in told.proofs), after=told.after
    )
