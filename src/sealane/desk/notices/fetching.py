"""Fetching a public page as a visitor does: without cookies, bounded, and what search engines look at besides."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from sealane.desk.failures import PageHidden
from sealane.desk.notices.page import Fetched
from sealane.errors import Invalid

_BYTES_MAX: Final = 16 << 20
_SECONDS: Final = 30
_OK: Final = 200


def fetched(url: str, transport: httpx.BaseTransport | None = None) -> Fetched:
    """Return a page with its host's robots.txt and sitemap. Raises `Invalid`, `PageHidden` where nothing answers."""
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise Invalid("The address of a page begins with https://.")
    with httpx.Client(transport=transport, timeout=_SECONDS, follow_redirects=False) as visitor:
        status, headers, content = _get(visitor, url)
        robots_status, _, robots = _get(visitor, urljoin(url, "/robots.txt"))
        robots = robots if robots_status == _OK else ""
        named = [line.partition(":")[2].strip() for line in robots.splitlines() if line.lower().startswith("sitemap:")]
        map_status, _, sitemap = _get(visitor, named[0] if named else urljoin(url, "/sitemap.xml"))
    return Fetched(url, status, headers, content, robots, sitemap if map_status == _OK else None)


def _get(visitor: httpx.Client, url: str) -> tuple[int, dict[str, str], str]:
    content = bytearray()
    try:
        with visitor.stream("GET", url) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > _BYTES_MAX:
                    raise PageHidden(f"{url} is larger than anybody would read.")
            return response.status_code, dict(response.headers), content.decode("utf-8", errors="replace")
    except httpx.HTTPError as problem:
        raise PageHidden(f"{url} cannot be fetched: {problem}.") from problem
