"""What the server says of keys: to whom a folder seals, and headers of sealed files. All of it is checked again here.

Must stay true: what is taken for a recipient is one; a header that is sent back opens for whom it should, since it was
made here. That the server names the right people cannot be checked here; so they are shown to the user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sealane import paths
from sealane.client.answers import Paged, decoded, pages
from sealane.client.failures import AnswerInvalid
from sealane.client.server import API, target_of
from sealane.errors import Missing, TooMany
from sealane.vault.age import keys
from sealane.vault.age.failures import KeyInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealane.client.server import Server
    from sealane.settings import ClientSettings

_KEY_SHOWN_CHARACTERS = 20
HEADERS_A_PAGE = 500


class _Recipient(msgspec.Struct, frozen=True):
    recipient: str
    user: str | None = None
    recovery: bool = False


class _Recipients(msgspec.Struct, frozen=True):
    sealed: bool
    recipients: tuple[_Recipient, ...] = ()
    without_key: tuple[str, ...] = ()


class FileHeader(msgspec.Struct, frozen=True):
    """The header of a sealed file, and whose keys are missing in it or too many."""

    version: str
    path: str
    header: bytes
    recipients: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


class _Headers(Paged, frozen=True, kw_only=True):
    files: tuple[FileHeader, ...]

    @property
    def count(self) -> int:
        return len(self.files)


class NewHeader(msgspec.Struct, frozen=True):
    """A header that shall stand in the place of a version's present one."""

    version: str
    header: bytes
    recipients: tuple[str, ...]


class Refusal(msgspec.Struct, frozen=True):
    """A header that the server did not take."""

    version: str
    code: str


class Replaced(msgspec.Struct, frozen=True):
    """What came of a batch of headers."""

    replaced: int
    refused: tuple[Refusal, ...] = ()


class _Batch(msgspec.Struct, frozen=True):
    headers: tuple[NewHeader, ...]


@dataclass(frozen=True, slots=True)
class SealsTo:
    """To whom a folder seals: some recipients that may share a file."""

    recipients: tuple[keys.Recipient, ...]
    texts: tuple[str, ...]
    """As the server writes them."""
    names: tuple[str, ...]
    """Whose key each is, for people: `ana@clinic`, `recovery key age1pq1…`."""
    without_key: tuple[str, ...]
    """Readers who have no key."""

    def digest(self) -> bytes:
        """Return what tells the server that these are the recipients it named."""
        return keys.digest_of(self.texts)


def seals_to(server: Server, path: paths.Path, settings: ClientSettings) -> SealsTo | None:
    """Return to whom a folder seals, None where it does not.

    Raises `AnswerInvalid` and `RecipientsMixed` for an answer by which nothing can be sealed.
    """
    try:
        said = decoded(server.ask("GET", target_of("recipients", path)).body, _Recipients)
    except Missing:
        return None  # no such folder, or a server that seals nothing: what comes next says which
    if not said.sealed:
        return None
    by_text = {one.recipient: one for one in said.recipients}
    if len(by_text) > settings.recipients_max:
        raise TooMany("The folder has more recipients than this program seals to.")
    try:
        recipients = tuple(keys.recipient(text) for text in by_text)
        keys.check_together(recipients)
    except KeyInvalid:
        raise AnswerInvalid("The server named a recipient that is none, or no recipient at all.") from None
    return SealsTo(recipients, tuple(by_text), tuple(_name(one) for one in by_text.values()), said.without_key)


def lacking(server: Server, path: paths.Path, settings: ClientSettings, *, page: int) -> Iterator[FileHeader]:
    """Yield the headers of files below a folder whose recipients are not its present ones, `page` in an answer."""
    asked = {"folder": paths.show(path), "limit": str(page)}
    most = settings.listing_entries_max
    for answer in pages(server, f"{API}/headers", asked, _Headers, rows_max=most, ordered=False):
        yield from answer.files


def replace(server: Server, headers: Sequence[NewHeader]) -> Replaced:
    """Send headers in the place of those that the versions have, at most 500."""
    assert len(headers) <= HEADERS_A_PAGE
    content = msgspec.json.encode(_Batch(tuple(headers)))
    reply = server.ask("POST", f"{API}/headers", headers={"Content-Type": "application/json"}, content=content)
    return decoded(reply.body, Replaced)


def _name(one: _Recipient) -> str:
    short = f"{one.recipient[:_KEY_SHOWN_CHARACTERS]}…"
    if one.recovery:
        return f"recovery key {short}"
    return one.user or short
