"""Names of accounts and places as the administrator writes them: `NAME@ORG`, `group:NAME@ORG`, `ORG:/PATH`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealane import paths
from sealane.errors import PathInvalid
from sealane.operations.failures import NameInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealane.settings import Settings

_RESERVED = frozenset("@:/\\,;\"'*?<>|")
GROUP_PREFIX = "group:"


class Account(NamedTuple):
    """A name within an organization."""

    name: str
    organization: str


def check_account_name(name: str, settings: Settings) -> str:
    """Return the name of an organization, user or group in normal form, or raise `NameInvalid` saying why not."""
    if not name:
        raise NameInvalid("A name has one character at least.")
    try:
        checked = paths.check_name(name)
    except PathInvalid as problem:
        raise NameInvalid(problem.sentence.replace("path", "name")) from None
    if any(letter in _RESERVED or letter.isspace() for letter in checked):
        raise NameInvalid("A name may not contain spaces, quotes or any of @ : / \\ , ; * ? < > |")
    if checked.startswith(("-", ".")):
        raise NameInvalid("A name may not begin with '-' or '.'.")
    if len(checked) > settings.account_name_characters_max:
        raise NameInvalid(f"A name may have {settings.account_name_characters_max} characters at most.")
    return checked


def taken_otherwise_cased(name: str, others: Iterable[str]) -> bool:
    """Return whether one of the others is this name or differs from it in case only."""
    folded = name.casefold()
    return any(other.casefold() == folded for other in others)


def parse_account(text: str) -> Account:
    """Return `NAME@ORG`, taken apart. Raises `NameInvalid`."""
    name, at, organization = text.partition("@")
    if not (name and at and organization) or "@" in organization:
        raise NameInvalid("Write a user or group as NAME@ORGANIZATION.")
    return Account(name, organization)


def parse_place(text: str) -> tuple[str, paths.Path]:
    """Return `ORG:/PATH`, taken apart and checked. Raises `NameInvalid` or `PathInvalid`."""
    organization, colon, path = text.partition(":")
    if not (organization and colon and path.startswith("/")):
        raise NameInvalid("Write a folder as ORGANIZATION:/PATH.")
    return organization, paths.parse(path)
