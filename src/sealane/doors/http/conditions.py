"""Conditions of requests (RFC 9110, 13) over one file: entity tags are version ids, dates are whole seconds.

Pure: headers and what is known of the file in, a verdict out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from sealane.doors.http.problems import HeaderInvalid

if TYPE_CHECKING:
    from starlette.datastructures import Headers

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_REVISION = "."
_TAGS_MAX = 64


@dataclass(frozen=True, slots=True)
class Tags:
    """The value of `If-Match` or `If-None-Match`: any version at all, or one of these."""

    any_version: bool
    versions: tuple[str, ...]
    weak: tuple[str, ...] = ()


def etag(version: str) -> str:
    """Return a version as a strong entity tag."""
    return f'"{version}"'


def tag_of(version: str, revision: int) -> str:
    """Return what the tag of a content says: its version, and how often a sealed file's header was replaced since."""
    return f"{version}{_REVISION}{revision}" if revision else version


def _names(tag: str, version: str) -> bool:
    """Say whether a tag names this version; whoever asks without a revision means each of them."""
    return version in {tag, tag.partition(_REVISION)[0]}


def http_date(moment: datetime) -> str:
    """Return a time as an HTTP date (RFC 9110, 5.6.7)."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def parse_date(text: str) -> datetime | None:
    """Return the time of an HTTP date, None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_tags(text: str) -> Tags:
    """Return the entity tags of a list, or raise `HeaderInvalid`."""
    if text.strip() == "*":
        return Tags(any_version=True, versions=())
    strong: list[str] = []
    weak: list[str] = []
    members = text.split(",", _TAGS_MAX)
    if len(members) > _TAGS_MAX:
        raise HeaderInvalid("The condition names too many entity tags.")
    for member in members:
        found = _TAG.fullmatch(member.strip(" \t"))
        if found is None:
            raise HeaderInvalid('The condition is not a list of entity tags ("…") or *.')
        (weak if found[1] else strong).append(found[2])
    return Tags(any_version=False, versions=tuple(strong), weak=tuple(weak))


def matches(tags: Tags, version: str) -> bool:
    """Say whether `If-Match` holds: strong comparison (RFC 9110, 13.1.1); `version` is "" where there is no file."""
    return bool(version) and (tags.any_version or any(_names(tag, version) for tag in tags.versions))


def none_match(tags: Tags, version: str) -> bool:
    """Say whether `If-None-Match` holds: weak comparison (RFC 9110, 13.1.2)."""
    named = any(_names(tag, version) for tag in (*tags.versions, *tags.weak))
    return not version or not (tags.any_version or named)


def judge_read(headers: Headers, version: str, modified: datetime) -> Literal["send", "not-modified", "failed"]:
    """Judge a GET or HEAD of an existing file, in the order of RFC 9110, 13.2.2."""
    second = modified.astimezone(UTC).replace(microsecond=0)
    if "if-match" in headers:
        if not matches(parse_tags(headers["if-match"]), version):
            return "failed"
    elif (until := parse_date(headers.get("if-unmodified-since", ""))) is not None and second > until:
        return "failed"
    if "if-none-match" in headers:
        return "send" if none_match(parse_tags(headers["if-none-match"]), version) else "not-modified"
    if (since := parse_date(headers.get("if-modified-since", ""))) is not None and second <= since:
        return "not-modified"
    return "send"


def range_holds(headers: Headers, version: str) -> bool:
    """Say whether `Range` is to be honoured: `If-Range` is absent or names exactly this content (RFC 9110, 13.1.5).

    A date is only as good as its strength: a file's time can be set by whoever may write it, so two contents may bear
    the same one. It never holds here, and the whole file is sent.
    """
    condition = headers.get("if-range")
    return condition is None or condition.strip() == etag(version)
