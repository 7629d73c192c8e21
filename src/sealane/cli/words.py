"""The words of options: durations, sizes, moments, rights. Pure: text in, value or a usage error out."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES: Final = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4} | {
    "ki": 1024,
    "mi": 1024**2,
    "gi": 1024**3,
    "ti": 1024**4,
}
_RIGHTS: Final = ("list", "read", "write", "delete", "admin")
_DURATION_DAYS_MAX: Final = 36_500


def parse_duration(text: str) -> timedelta:
    """Return the time that `30d`, `12h`, `90m`, `45s` or `2w` means. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text.strip().lower())
    if found is None:
        raise ValueError("a duration is a whole number and one of s, m, h, d, w, such as 30d or 12h")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= _DURATION_DAYS_MAX * 86400:
        raise ValueError("a duration is more than nothing and less than a hundred years")
    return timedelta(seconds=seconds)


def parse_seconds(text: str) -> int:
    """Return the seconds of a duration, which may also be none: `0s`. Raises ValueError."""
    return 0 if text.strip() in {"0", "0s"} else int(parse_duration(text).total_seconds())


def parse_size(text: str) -> int:
    """Return the bytes that `10GiB`, `500 MB`, `4096` or `0` means. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)\s*([kmgt]i?)?b?", text.strip().lower())
    if found is None:
        raise ValueError("a size is a number and one of B, KiB, MiB, GiB, TiB, KB, MB, GB, TB")
    whole, _, thousandths = found[1].partition(".")
    unit = _BYTES[found[2] or ""]
    size = int(whole) * unit + int(thousandths.ljust(3, "0") or "0") * unit // 1000
    if size >= 1 << 63:
        raise ValueError("that is more than can be stored")
    return size


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Return an aware UTC time: ISO 8601 (UTC where no zone is named) or a duration before `now`. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            return now - parse_duration(text)
        except ValueError:
            raise ValueError("a time is a date such as 2026-01-31 or 2026-01-31T08:00, or how long ago: 24h") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def parse_rights(text: str) -> tuple[str, ...]:
    """Return the rights that `list,read,write` names, each once, in the order of the matrix. Raises ValueError."""
    named = {word.strip() for word in text.split(",")}
    if unknown := sorted(named - set(_RIGHTS)):
        raise ValueError(f"{', '.join(map(repr, unknown))}: rights are {', '.join(_RIGHTS)}")
    return tuple(right for right in _RIGHTS if right in named)


def parse_kind(text: str, known: Sequence[str]) -> str:
    """Return `text` where it is a known kind, or empty (not given). Raises ValueError, which names those there are."""
    if not text or text in known:
        return text
    like = difflib.get_close_matches(text, known, n=1)
    asked = f"did you mean {like[0]}? " if like else ""
    raise ValueError(f"there is no kind {text!r}; {asked}The kinds are {', '.join(known)}")


class Word(click.ParamType[Any]):
    """An option's type made of one of the parsers above; a ValueError becomes a usage error."""

    def __init__(self, name: str, parse: Any) -> None:
        """Show `name` in help; convert with `parse`."""
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed value; a default that is parsed already passes."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


DURATION = Word("duration", parse_duration)
SECONDS = Word("duration", parse_seconds)
SIZE = Word("size", parse_size)
RIGHTS = Word("rights", parse_rights)
