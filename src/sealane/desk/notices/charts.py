"""Charts as inline SVG, each with its figures in a table beside it: bars, columns over time, a map of states as tiles.

Readable without colour, without the drawing and without a network; attributes instead of styles, so that a policy that
lets no inline style through changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sealane.desk.notices.markup import Markup, joined, table, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH: Final = 640
_LABEL: Final = 200
_ROW: Final = 22
_FIGURE: Final = 90
ROWS_MAX: Final = 60
_INK: Final = "#2b6cb0"
_FONT: Final = "DejaVu Sans Mono, system-ui, sans-serif"
_TILE: Final = 52
_COLUMNS_HEIGHT: Final = 160
_HOURLY_DAYS: Final = 2
_TINTS: Final = 5

_TILES: Final = (
    "AK .. .. .. .. .. .. .. .. .. ME",
    ".. .. .. .. .. .. .. .. .. VT NH",
    "WA ID MT ND MN IL WI MI NY RI MA",
    "OR NV WY SD IA IN OH PA NJ CT ..",
    "CA UT CO NE MO KY WV VA MD DE ..",
    ".. AZ NM KS AR TN NC SC DC .. ..",
    ".. .. .. OK LA MS AL GA .. .. ..",
    "HI .. .. TX .. .. .. .. FL .. PR",
)
"""States where they lie, roughly."""
_SPOTS: Final = {
    name: (column, row) for row, line in enumerate(_TILES) for column, name in enumerate(line.split()) if name != ".."
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing and the figures that it draws."""

    title: str
    heads: tuple[str, str]
    rows: tuple[tuple[str, str], ...]
    drawing: Markup
    """An SVG element; empty where there is nothing to draw."""

    @property
    def said(self) -> str:
        """What it shows, in words, for whoever does not see it."""
        first = ", ".join(f"{name} {count}" for name, count in self.rows[:3])
        return f"{self.title}. {len(self.rows)} rows" + (f", first {first}." if first else ".")

    def markup(self) -> Markup:
        """Return the drawing with its table."""
        if not self.rows:
            return tag("p", f"{self.title}: nothing.")
        return joined(
            tag("figure", tag("figcaption", self.title), self.drawing), table(self.heads, self.rows, caption=self.title)
        )


def bars(title: str, counts: Mapping[str, int], head: str, counted: str = "Individuals") -> Chart:
    """Return one bar a name, the largest first; what is past the limit is summed up in a last one.

    `head`: what the names are of; `counted`: what is counted.
    """
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    if len(ordered) > ROWS_MAX:
        rest = ordered[ROWS_MAX - 1 :]
        ordered = [*ordered[: ROWS_MAX - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    most = max(1, *(count for _, count in ordered), 1)
    drawn: list[Markup] = []
    for place, (name, count) in enumerate(ordered):
        top = place * _ROW
        width = round((_WIDTH - _LABEL - _FIGURE) * count / most, 1)
        drawn += [
            _text(_short(name), 0, top + 15),
            tag("rect", x=_LABEL, y=top + 4, width=width, height=_ROW - 8, fill=_INK),
            _text(f"{count:,}", _LABEL + width + 6, top + 15),
        ]
    return Chart(title, (head, counted), _shown(ordered), _svg(title, _WIDTH, _ROW * len(ordered) + 4, drawn))


def over_time(title: str, moments: Sequence[datetime], head: str) -> Chart:
    """Return one column a day, or an hour where it all went on within two days; the last ones of very many."""
    if not moments:
        return Chart(title, ("When (UTC)", head), (), Markup(""))
    hourly = max(moments) - min(moments) < timedelta(days=_HOURLY_DAYS)
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    counts: dict[datetime, int] = {}
    for moment in moments:
        at = moment.replace(minute=0, second=0, microsecond=0) if hourly else datetime.combine(
            moment.date(), datetime.min.time(), moment.tzinfo
        )  # fmt: skip
        counts[at] = counts.get(at, 0) + 1
    last = max(counts)
    first = max(min(counts), last - step * (ROWS_MAX - 1))
    spots = [first + step * number for number in range(round((last - first) / step) + 1)]
    most, wide = max(counts.values()), _WIDTH / max(len(spots), 12)
    drawn: list[Markup] = []
    for place, spot in enumerate(spots):
        high = round((_COLUMNS_HEIGHT - 20) * counts.get(spot, 0) / most, 1)
        drawn.append(
            tag("rect", x=round(place * wide, 1), y=round(_COLUMNS_HEIGHT - high, 1), width=round(wide * 0.8, 1),
                height=high, fill=_INK)
        )  # fmt: skip
    drawn.append(tag("rect", x=0, y=_COLUMNS_HEIGHT, width=_WIDTH, height=1, fill="#888888"))
    written = "%Y-%m-%d %H:00" if hourly else "%Y-%m-%d"
    drawn += [_text(f"{spots[0]:{written}}", 0, _COLUMNS_HEIGHT + 16), _text(f"at most {most:,}", 0, 12)]
    if len(spots) > 1:
        drawn.append(_text(f"{spots[-1]:{written}}", _WIDTH, _COLUMNS_HEIGHT + 16, anchor="end"))
    rows = tuple((f"{spot:{written}}", f"{counts[spot]:,}") for spot in spots if spot in counts)
    return Chart(title, ("When (UTC)", head), rows, _svg(title, _WIDTH, _COLUMNS_HEIGHT + 24, drawn))


def state_map(title: str, counts: Mapping[str, int]) -> Chart:
    """Return the states as tiles, darker where there are more; what is no state is in the table only."""
    most = max((count for name, count in counts.items() if name in _SPOTS), default=1)
    drawn: list[Markup] = []
    for name, (column, row) in _SPOTS.items():
        count = counts.get(name, 0)
        tint = round(0.08 * -(-_TINTS * count // most), 2)
        x, y = column * _TILE, row * _TILE
        drawn += [
            tag("rect", x=x + 1, y=y + 1, width=_TILE - 2, height=_TILE - 2, fill=_INK, fill_opacity=tint,
                stroke="#888888", stroke_opacity=0.6),
            _text(name, x + _TILE / 2, y + 21, anchor="middle"),
        ]  # fmt: skip
        if count:
            drawn.append(_text(_brief(count), x + _TILE / 2, y + 39, anchor="middle"))
    width = (max(column for column, _ in _SPOTS.values()) + 1) * _TILE
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return Chart(title, ("State", "Individuals"), _shown(ordered), _svg(title, width, len(_TILES) * _TILE, drawn))


def _svg(title: str, width: float, height: float, drawn: Sequence[Markup]) -> Markup:
    return tag(
        "svg", tag("title", title), *drawn, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}",
        role="img", font_size=12, font_family=_FONT,
    )  # fmt: skip


def _text(text: str, x: float, y: float, *, anchor: str = "start") -> Markup:
    return tag("text", text, x=round(x, 1), y=y, text_anchor=anchor)


def _shown(ordered: Sequence[tuple[str, int]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"{count:,}") for name, count in ordered)


def _short(name: str) -> str:
    return name if len(name) <= 27 else name[:26] + "…"  # noqa: PLR2004  what fits beside the bar


def _brief(count: int) -> str:
    for size, letter in ((10**6, "M"), (10**3, "k")):
        if count >= 10 * size:
            return f"{count // size}{letter}"
    return str(count)
