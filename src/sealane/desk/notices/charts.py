"""Charts as inline SVG: bars, readable without colour, each with its figures beside it in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.desk.notices.markup import Markup, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH: Final = 640
_LABEL: Final = 200
_ROW: Final = 22
_FIGURE: Final = 90
_BARS_MAX: Final = 60


def bars(title: str, counts: Mapping[str, int]) -> Markup:
    """Return one bar a name, the largest first; what is past the limit is summed up in a last one."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    if len(ordered) > _BARS_MAX:
        rest = ordered[_BARS_MAX - 1 :]
        ordered = [*ordered[: _BARS_MAX - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    return _drawn(title, ordered)


def over_time(title: str, counts: Mapping[str, int]) -> Markup:
    """Return one bar a day, in order of days; of many days, the last ones."""
    return _drawn(title, sorted(counts.items())[-_BARS_MAX:])


def _drawn(title: str, ordered: list[tuple[str, int]]) -> Markup:
    if not ordered:
        return tag("p", f"{title}: nothing.")
    most = max(1, *(count for _, count in ordered))
    height = _ROW * len(ordered) + 4
    rows: list[Markup] = []
    for place, (name, count) in enumerate(ordered):
        top = place * _ROW
        width = round((_WIDTH - _LABEL - _FIGURE) * count / most, 1)
        rows += [
            tag("text", _short(name), x=0, y=top + 15),
            tag("rect", x=_LABEL, y=top + 4, width=width, height=_ROW - 8),
            tag("text", f"{count:,}", x=_LABEL + width + 6, y=top + 15),
        ]
    return tag(
        "figure",
        tag("figcaption", title),
        tag("svg", tag("title", title), *rows, viewBox=f"0 0 {_WIDTH} {height}", role="img"),
    )


def _short(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "…"  # noqa: PLR2004  what fits beside the bar
