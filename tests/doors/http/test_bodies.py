"""A body by itself, given piece by piece: a second wall behind the server's own reading of lengths."""

from datetime import UTC, datetime

import pytest

from sealane.clock import ManualClock
from sealane.doors.http.bodies import Body, ClientGone
from sealane.errors import LengthMismatch, TooLarge
from sealane.settings import Settings

ENDED = {"type": "http.request"}
GONE = {"type": "http.disconnect"}


def piece(content: bytes, *, more: bool = True) -> dict:
    return {"type": "http.request", "body": content, "more_body": more}


async def taken(*messages: dict, declared: int | None = None, length_max: int = 100) -> list[bytes]:
    """Return what is handed on of a body; what it raises comes after that, in the list's place at the end."""
    coming = iter(messages)

    async def receive():
        return next(coming)

    body = Body(receive, Settings(), ManualClock(datetime(2026, 11, 22, tzinfo=UTC)), declared=declared)
    handed: list = []
    try:
        async for part in body.pieces(length_max):
            handed.append(bytes(part))  # noqa: PERF401  # what came before a failure counts
    except Exception as failure:  # noqa: BLE001  # it is what the test looks at
        handed.append(type(failure))
    return handed


@pytest.mark.parametrize("declared", [None, 5])
@pytest.mark.parametrize("end", [(piece(b"de", more=False),), (piece(b"de"), ENDED)])
async def test_a_body_of_the_declared_length_is_handed_on_whole(declared, end):
    assert await taken(piece(b"abc"), piece(b""), *end, declared=declared) == [b"abc", b"de"]


@pytest.mark.parametrize("end", [(piece(b"de", more=False),), (piece(b"de"), ENDED)])
@pytest.mark.parametrize("declared", [0, 4, 6])
async def test_a_body_that_ends_short_of_or_past_its_declared_length_is_refused(declared, end):
    assert await taken(piece(b"abc"), *end, declared=declared) == [b"abc", b"de", LengthMismatch]


async def test_an_empty_body_is_refused_where_bytes_were_declared():
    assert await taken(ENDED, declared=1) == [LengthMismatch]
    assert await taken(ENDED, declared=0) == []


async def test_of_a_body_that_is_too_long_what_fits_is_handed_on():
    assert await taken(piece(b"abc"), piece(b"de", more=False), length_max=5) == [b"abc", b"de"]
    assert await taken(piece(b"abc"), piece(b"de", more=False), length_max=4) == [b"abc", b"d", TooLarge]
    assert await taken(piece(b"abc"), piece(b"de"), length_max=3) == [b"abc", b"", TooLarge]


async def test_a_client_that_goes_away_has_not_ended_its_body():
    assert await taken(piece(b"abc"), GONE, declared=3) == [b"abc", ClientGone]
