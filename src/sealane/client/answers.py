"""What a server answers in JSON, as the thing that it is; many rows come in pages, asked for one after the other.

Must stay true: an answer that is not of the form asked for, or that does not go on, ends in `AnswerInvalid`; and no
server keeps a client at it for ever, or fills its memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from sealane.client.failures import AnswerInvalid
from sealane.errors import TooMany

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealane.client.server import Server

ThingT = TypeVar("ThingT")
PageT = TypeVar("PageT", bound="Paged")


class Paged(msgspec.Struct, frozen=True, kw_only=True):
    """A page of something; `after` is where the next one begins, "" or 0 for the last."""

    after: str | int = ""

    @property
    def count(self) -> int:
        """How many rows it has."""
        raise AssertionError(type(self).__name__)


def decoded(body: bytes, kind: type[ThingT]) -> ThingT:
    """Return what a JSON answer says, or raise `AnswerInvalid`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        raise AnswerInvalid from None


def pages(
    server: Server, target: str, params: Mapping[str, str], form: type[PageT], *, rows_max: int, ordered: bool = True
) -> Iterator[PageT]:
    """Yield all pages of what is asked for. Raises `TooMany`, and `AnswerInvalid` where they do not go on.

    `ordered`: rows come in the order of what `after` says; else it must be another one with each page.
    """
    after: str | int = ""
    count = 0
    while True:
        asked = {**params, "after": str(after)} if after else dict(params)
        page = decoded(server.ask("GET", target, params=asked).body, form)
        yield page
        count += max(page.count, 1)  # a page without rows is an answer too, and not for ever
        if count > rows_max:
            raise TooMany
        if not page.after:
            return
        if not _goes_on(after, page, ordered=ordered):
            raise AnswerInvalid
        after = page.after


def _goes_on(after: str | int, page: Paged, *, ordered: bool) -> bool:
    if not ordered:
        return page.after != after
    if isinstance(page.after, int):
        return isinstance(after or 0, int) and int(after or 0) < page.after
    return isinstance(after, str) and after < page.after
