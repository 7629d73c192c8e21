"""How the pages look: one frame for all, forms, tables, and a style sheet that is the pages' own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealane.desk.notices.markup import STYLE, Markup, table, tag
from sealane.desk.pages.guard import FORM_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STYLE_ADDRESS: Final = "/desk.css"
SHEET: Final = (
    STYLE
    + """
body{padding:0 1.5rem 3rem}main{max-width:64rem}
header{max-width:64rem;margin:0 auto;padding:1rem 0;border-bottom:1px solid #8886}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;padding:0;margin:.3rem 0}
nav a{display:inline-block;padding:.3rem 0}
a:focus-visible,
:is(input,select,button):focus-visible{outline:3px solid #2b6cb0;outline-offset:2px}
[aria-current=page]{font-weight:700;text-decoration:none;border-bottom:.2rem solid currentColor}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem}
form.fields{display:grid;gap:.8rem;max-width:34rem;margin:1.2rem 0;padding:1rem;border:1px solid #8886}
form.row{display:flex;flex-wrap:wrap;gap:.8rem;align-items:end;margin:1rem 0}
label{display:block;font-weight:600}label small{font-weight:400;display:block}
input,select,button{font:inherit;padding:.4rem .6rem;min-height:2.2rem;color:inherit;background:transparent}
input,select,button{border:1px solid #767676}
input:not([type=checkbox]),select{width:100%;box-sizing:border-box}option{color:#111;background:#fff}
button{cursor:pointer;font-weight:600}
.wide{overflow-x:auto}.wide table{min-width:46rem}.wide :is(th,td){overflow-wrap:normal;min-width:0}
button{margin-right:.6rem}.note{border-left:.4rem solid #2b6cb0;padding:.2rem 1rem}
"""
)
_PLACES: Final = (("", "Overview"), ("/scope", "Scope"), ("/files", "Files"), ("/people", "Individuals"),
                  ("/told", "What was said"), ("/duties", "Deadlines and notices"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its title and what is on it. `number`: of the incident that it is about."""

    title: str
    parts: tuple[Markup, ...]
    number: int = 0
    place: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Values and what stands for them, where there are only so many."""
    needed: bool = False


def page(shown: Shown) -> bytes:
    """Return a whole page."""
    return (
        "<!doctype html>\n"
        + tag(
            "html",
            tag("head", tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("title", f"{shown.title} · Desk"), tag("link", rel="stylesheet", href=STYLE_ADDRESS)),
            tag("body", tag("a", "Skip to the content", href="#main", class_="skip"), _header(shown),
                tag("main", tag("h1", shown.title), *shown.parts, id="main")),
            lang="en",
        )
        + "\n"
    ).encode()  # fmt: skip


def _header(shown: Shown) -> Markup:
    own = [_link("/", "Incidents", current=shown.place == "incidents"),
           _link("/search", "Is somebody in it?", current=shown.place == "search")]  # fmt: skip
    parts = [tag("nav", tag("ul", *own), aria_label="Desk")]
    if shown.number:
        at = f"/incidents/{shown.number}"
        links = [_link(at + place, name, current=shown.place == place) for place, name in _PLACES]
        parts.append(tag("nav", tag("ul", *links), aria_label=f"Incident {shown.number}"))
    return tag("header", *parts)


def _link(address: str, name: str, *, current: bool) -> Markup:
    return tag("li", tag("a", name, href=address, **({"aria_current": "page"} if current else {})))


def form(address: str, fields: Sequence[Field], does: Mapping[str, str], token: str, *, kind: str = "fields") -> Markup:
    """Return a form that sends its fields. `does`: what its buttons send as `does`, and what stands on them."""
    hidden = tag("input", type="hidden", name=FORM_TOKEN, value=token)
    drawn = [_field(address, one) for one in fields]
    buttons = [tag("button", shown, type="submit", name="does", value=value) for value, shown in does.items()]
    return tag("form", hidden, *drawn, tag("div", *buttons), method="post", action=address, class_=kind)


def _field(address: str, one: Field) -> Markup:
    name = f"{address.strip('/').replace('/', '-')}-{one.name}"
    needed = {"required": "required"} if one.needed else {}
    if one.choices:
        options = [
            tag("option", shown, value=value, **({"selected": "selected"} if value == one.value else {}))
            for value, shown in one.choices
        ]
        control = tag("select", *options, id=name, name=one.name, **needed)
    elif one.kind == "checkbox":
        checked = {"checked": "checked"} if one.value else {}
        control = tag("input", type="checkbox", id=name, name=one.name, value="yes", **checked)
    else:
        control = tag("input", type=one.kind, id=name, name=one.name, value=one.value, autocomplete="off", **needed)
    hint = [tag("small", one.hint)] if one.hint else []
    return tag("div", tag("label", one.label, *hint, for_=name), control)


def listing(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, caption: str, nothing: str, scrolls: bool = False
) -> Markup:
    """Return a table, or a sentence in its place where it has no rows."""
    if not rows:
        return tag("p", nothing)
    shown = table(head, rows, caption=caption)
    return wide(shown, caption) if scrolls else shown


def wide(inside: Markup, label: str) -> Markup:
    """Return something that may be wider than the window, so that it scrolls by itself and by keyboard."""
    return tag("div", inside, class_="wide", role="region", tabindex=0, aria_label=label)
