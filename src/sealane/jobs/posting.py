"""Asking somebody outside a small question over HTTP, with a limit on everything: time, size, detours.

Nothing is followed anywhere else, no proxy of the environment is used, and the answer as a whole has its time: who
sends a byte now and then holds up nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from sealane.errors import Unavailable

ANSWER_BYTES_MAX = 65_536


def client(seconds: float, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client that `posted` asks by. `transport`: another than the network."""
    return httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False, transport=transport)


async def posted(
    line: httpx.AsyncClient, url: str, content: bytes, *, kind: str, seconds: float, refused: type[Unavailable]
) -> httpx.Response:
    """Return the answer to a POST of `content` of this type, whatever its status, read whole.

    Raises `refused` for one that is too long, too slow or compressed, and what httpx raises.
    """
    headers = {"accept-encoding": "identity"} | ({"content-type": kind} if kind else {})
    request = line.build_request("POST", url, content=content, headers=headers)
    try:
        async with asyncio.timeout(seconds):
            answer = await line.send(request, stream=True)
            try:
                return httpx.Response(
                    answer.status_code, headers=_type_of(answer), content=await _read(answer, refused)
                )
            finally:
                await answer.aclose()
    except TimeoutError:
        raise refused("Its answer took too long.") from None


def _type_of(answer: httpx.Response) -> dict[str, str]:
    return {"content-type": answer.headers.get("content-type", "")}


async def _read(answer: httpx.Response, refused: type[Unavailable]) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise refused("Its answer is compressed, which was not asked for.")
    content = b""
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > ANSWER_BYTES_MAX:
            raise refused("Its answer is far too long.")
    return content
