"""The public page of an incident, and whether a page can be found and read by those whom it is for.

Search engines may index it: the notice of 2023 told them to look away. No script, no cookie, nothing from elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import msgspec

from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.letters import gap, plain
from sealane.desk.notices.markup import STYLE, Markup, document, tag
from sealane.desk.notices.party import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.notices.letters import Occasion

_HIDING: Final = re.compile(r"\b(noindex|none|noarchive|unavailable_after)\b", re.IGNORECASE)
_FOUND_BY: Final = ("Googlebot", "Bingbot", "*")
_OK: Final = 200
_WORDS_LEAST: Final = 30


def page(occasion: Occasion, figures: Figures, url: str) -> bytes:
    """Return the page. `url`: where it will stand, in full; empty where that is not known yet."""
    party = occasion.party
    title = f"Notice of a data breach: {occasion.writer}"
    told = {
        "@context": "https://schema.org",
        "@type": "WebPage",
        "name": title,
        "datePublished": str(occasion.today),
        "publisher": {"@type": "Organization", "name": occasion.writer},
    }
    linked = msgspec.json.encode(told).decode().replace("<", "\\u003c")
    head = (tag("link", rel="canonical", href=url) if url else "") + tag(
        "meta", name="description", content=f"Whose data was taken from {occasion.writer}, and what they can do."
    )
    return document(
        title,
        tag("h1", title),
        tag("p", f"{plain(occasion.today)}"),
        tag("h2", "What happened"),
        *(tag("p", each) for each in party.happened or (gap("what happened, in plain words"),)),
        tag("p", f"It happened on {plain(occasion.occurred)}. We discovered it on {plain(occasion.discovered)}."),
        tag("h2", "Whose data was taken"),
        tag("p", _whose(figures)),
        tag("ul", *(tag("li", f"{owner}: {count:,} people") for owner, count in figures.by_owner.items())),
        tag("h2", "Which data"),
        tag("p", "Not every person's data was of every kind. Each letter says which data of its reader was taken."),
        tag("ul", *(tag("li", f"{in_words(kind)}: {count:,} people") for kind, count in figures.by_class.items())),
        tag("h2", "What you should do"),
        tag("ol", *(tag("li", each) for each in party.advice or ADVICE)),
        *([tag("p", party.protection)] if party.protection else []),
        tag("h2", "What we are doing"),
        *(tag("p", each) for each in party.doing or (gap("what we do"),)),
        tag("h2", "How to reach us"),
        tag("p", f"Telephone (free of charge): {party.phone or gap('toll-free number')}"),
        *([tag("p", "E-mail: ", party.email)] if party.email else []),
        tag("p", ", ".join((occasion.writer, *party.address))),
        head=head + Markup(f'<script type="application/ld+json">{linked}</script>'),
        style=STYLE,
    )


def _whose(figures: Figures) -> str:
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    least = f"At least {figures.people['strict']:,}" if unread else f"{figures.people['strict']:,}"
    more = f" {unread} files could not be read wholly, and there may be more." if unread else ""
    shared = f" {figures.shared:,} of them are in the files of more than one organization." if figures.shared else ""
    return f"{least} people.{shared}{more}"


def sitemap(url: str, occasion: Occasion) -> bytes:
    """Return a sitemap (sitemaps.org) that names the page."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + tag(
            "urlset",
            tag("url", tag("loc", url), tag("lastmod", str(occasion.today))),
            xmlns="http://www.sitemaps.org/schemas/sitemap/0.9",
        )
        + "\n"
    ).encode()


class _Seen(HTMLParser):
    """What of a page matters for being found and read."""

    def __init__(self) -> None:
        super().__init__()
        self.robots: list[str] = []
        self.canonical = ""
        self.language = ""
        self.headings = 0
        self.title = ""
        self.words = 0
        self.refresh = False
        self.unlabelled = 0
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        match tag:
            case "html":
                self.language = told.get("lang", "")
            case "meta" if "bot" in told.get("name", "").lower():
                self.robots.append(told.get("content", ""))
            case "meta" if told.get("http-equiv", "").lower() == "refresh":
                self.refresh = True
            case "link" if told.get("rel", "").lower() == "canonical":
                self.canonical = told.get("href", "")
            case "h1":
                self.headings += 1
            case "img" if "alt" not in told:
                self.unlabelled += 1
            case "title" | "script" | "style":
                self._within = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.title += data
        elif not self._within:
            self.words += len(data.split())


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as a visitor without cookies gets it, with what search engines look at besides."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: str
    robots: str = ""
    """`robots.txt` of its host; empty where there is none."""
    sitemap: str | None = None
    """The site's sitemap, where it is known."""


def problems(fetched: Fetched) -> list[str]:
    """Return why a page is not found or not read by everybody; empty: nothing was found."""
    seen = _Seen()
    seen.feed(fetched.content)
    seen.close()
    return [sentence for wrong, sentence in (*_hidden(fetched, seen), *_unreadable(fetched, seen)) if wrong]


def _hidden(fetched: Fetched, seen: _Seen) -> list[tuple[bool, str]]:
    told = {name.lower(): value for name, value in fetched.headers.items()}
    rules = RobotFileParser()
    rules.parse(fetched.robots.splitlines())
    elsewhere = bool(seen.canonical) and urljoin(fetched.url, seen.canonical).rstrip("/") != fetched.url.rstrip("/")
    return [
        (fetched.status != _OK, f"It answers {fetched.status} to a visitor without cookies."),
        (any(map(_HIDING.search, seen.robots)), "A robots tag in it tells search engines to look away."),
        (
            _HIDING.search(told.get("x-robots-tag", "")) is not None,
            "The header X-Robots-Tag tells search engines to look away.",
        ),
        (
            not all(rules.can_fetch(agent, fetched.url) for agent in _FOUND_BY),
            "robots.txt keeps search engines away from it.",
        ),
        (elsewhere, "It names another address as its own (canonical), so that it is not indexed itself."),
        (fetched.sitemap is not None and fetched.url not in fetched.sitemap, "The sitemap does not name it."),
        (seen.refresh, "It sends its reader elsewhere (meta refresh)."),
    ]


def _unreadable(fetched: Fetched, seen: _Seen) -> list[tuple[bool, str]]:
    return [
        (not seen.language, "It does not say its language (WCAG 2.2, 3.1.1)."),
        (not seen.title.strip(), "It has no title (WCAG 2.2, 2.4.2)."),
        (not seen.headings, "It has no heading of the first level."),
        (seen.unlabelled > 0, f"{seen.unlabelled} images have no text alternative (WCAG 2.2, 1.1.1)."),
        (seen.words < _WORDS_LEAST, "It has next to no text without scripts."),
        (urlsplit(fetched.url).scheme != "https", "It is not served over HTTPS."),
    ]
