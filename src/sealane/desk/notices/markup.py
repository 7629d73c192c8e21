"""HTML written as values: every text is escaped, nothing is ever pasted in."""

from __future__ import annotations

import html
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_EMPTY: Final = frozenset({"meta", "link", "br", "line", "rect", "path", "input"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: str | float) -> Markup:
    """Return an element; what is inside is escaped unless it is markup. `class_` and `http_equiv` as in Python."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"'
        for key, value in attributes.items()
    )
    if name in _EMPTY:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(*inside)}</{name}>")


def joined(*parts: str) -> Markup:
    """Return parts one after another, each escaped unless it is markup."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part, quote=False) for part in parts))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, caption: str) -> Markup:
    """Return a table with a caption and a head; the first cell of a row is its head, numbers stand at the right."""
    kinds = [{"class_": "number"} if one else {} for one in numeric(rows, len(head))]
    heads = [tag("th", cell, scope="col", **kind) for cell, kind in zip(head, kinds, strict=True)]
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, **kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    return tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *body))


def numeric(rows: Sequence[tuple[str, ...]], columns: int) -> list[bool]:
    """Tell for each column whether it has numbers alone. The first one names its row and is none."""
    return [
        place > 0 and bool(rows) and all(row[place].replace(",", "").isdecimal() for row in rows)
        for place in range(columns)
    ]


def document(title: str, *body: str, head: str = "", style: str) -> bytes:
    """Return a whole page, without scripts. Its own policy lets nothing in but its style: no network, no script."""
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    return (
        "<!doctype html>\n"
        + tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", http_equiv="Content-Security-Policy", content=policy),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("title", title),
                Markup(head),
                tag("style", Markup(style)),
            ),
            tag("body", tag("main", *body)),
            lang="en",
        )
        + "\n"
    ).encode()


STYLE: Final = """
:root{color-scheme:light dark}
body{font:1.05rem/1.6 system-ui,sans-serif;margin:0;padding:1.5rem}
main{max-width:46rem;margin:0 auto;overflow-wrap:anywhere}
h1{line-height:1.2}h2{margin-top:2.2rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #8886}
th,td{vertical-align:top;overflow-wrap:anywhere}
@media(min-width:40rem){th,td{min-width:7em}}
td{font-variant-numeric:tabular-nums}.number{text-align:right}
.alarm{border-left:.4rem solid #b3261e;padding:.2rem 1rem}
tbody th{font-weight:normal}.figure strong{font-size:2.6rem;line-height:1}
figure{margin:1.5rem 0 .5rem}figcaption{font-weight:600}
svg{width:100%;height:auto}svg text{fill:currentColor}
pre{overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
a{color:inherit}
"""
