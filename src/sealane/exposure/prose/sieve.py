"""A sieve: which of many traces are in a text, asked of all of them in one pass (google-re2), before `re` searches.

A trace is a simple form that is in every text that holds what is searched for; it may be in others. Must stay true:
what is beyond ASCII, where re2 and `re` mean different things by digits, letters and case, is handed to re2 as what
`re` takes it for; and where the sieve is not sure, it says nothing, and everything is searched for: where re2 gave up
on a text, which it tells by finding not even `_EVERYWHERE`, and where it is not installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

try:
    import re2
except ImportError:  # there are platforms without its wheel
    re2 = None

if TYPE_CHECKING:
    from collections.abc import Iterable

_EVERYWHERE: Final = ""
"""A trace that every text has."""
_BEYOND: Final = re.compile(r"[^\x00-\x7f]")
_CASES: Final = {"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"}
"""Letters beyond ASCII that `re` takes for these where case makes no difference."""


class Sieve:
    """Traces to be looked for in many texts."""

    def __init__(self, traces: Iterable[str]) -> None:
        """Take traces: regular expressions that mean the same to `re` and to re2, in ASCII."""
        self._traces = (*dict.fromkeys(traces), _EVERYWHERE)
        self._set = _set_of(self._traces)

    def found(self, text: str) -> frozenset[str] | None:
        """Return which traces are in a text; None: any of them may be."""
        if self._set is None:
            return None
        places = self._set.Match(text if text.isascii() else _BEYOND.sub(_in_ascii, text))
        return frozenset(self._traces[place] for place in places) if places else None


def _in_ascii(beyond: re.Match[str]) -> str:
    """Return for a character beyond ASCII one that is to re2 what it is to `re`: a digit, a letter, or neither."""
    character = beyond[0]
    if character.isdecimal():
        return "0"
    return _CASES.get(character, "x") if character.isalnum() else " "


def _set_of(traces: tuple[str, ...]) -> Any:
    """Return what finds these in one pass; None where nothing here can."""
    if re2 is None:
        return None
    options = re2.Options()
    options.log_errors = False  # it would log what it cannot read: somebody's text
    made = re2.Set.SearchSet(options)
    for trace in traces:
        made.Add(trace)
    made.Compile()
    return made
