"""Letters to individuals as tagged PDF (PDF/UA-1), by typst, many in a file; and the same as plain text for e-mail.

They state what was in the files, without hedging: the lists say it. The law of some states asks for other content
(Massachusetts: neither what happened nor how many); such letters are made apart.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.kinds import with_article
from sealane.desk.notices.party import ADVICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from sealane.desk.notices.addressees import Addressee, InFiles
    from sealane.desk.notices.party import Party

TITLE: Final = "Your personal data was stolen"
LETTERS_A_FILE: Final = 500
SILENT_STATES: Final = frozenset({"MA"})
"""States whose law wants a letter that does not describe the breach (rules.toml, ma-individuals)."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What all letters of one party share."""

    party: Party
    writer: str
    """Who writes: the party's own name, or the notifying owner's."""
    occurred: date
    discovered: date
    today: date


def gap(what: str) -> str:
    """Return what stands in a notice where the party did not say something."""
    return f"[{what}]"


def plain(day: date) -> str:
    """Return a day as a letter says it."""
    return f"{day:%B} {day.day}, {day.year}"


def as_pdf(occasion: Occasion, addressees: Sequence[Addressee]) -> Iterator[tuple[str, bytes]]:
    """Yield PDF files of letters to whom a letter can be sent: a name for each, and its bytes."""
    import typst  # noqa: PLC0415  heavy, and only wanted here

    template = importlib.resources.files("sealane.desk.notices").joinpath("letter.typ").read_bytes()
    for silent in (False, True):
        chosen = [one for one in addressees if one.reachable and (one.state in SILENT_STATES) is silent]
        for number, begin in enumerate(range(0, len(chosen), LETTERS_A_FILE), start=1):
            data = msgspec.json.encode(_told(occasion, chosen[begin : begin + LETTERS_A_FILE], silent=silent))
            made = typst.compile(  # pyrefly: ignore  # its stub does not know that several files may be given
                {"main": template, "letters.json": data},
                format="pdf",
                pdf_standards=["ua-1"],
                ignore_system_fonts=True,
                timestamp=datetime(occasion.today.year, occasion.today.month, occasion.today.day, tzinfo=UTC),
            )
            assert isinstance(made, bytes), "a PDF is one file"
            yield f"letters{'-short' if silent else ''}-{number:04d}.pdf", made


def _told(occasion: Occasion, addressees: Sequence[Addressee], *, silent: bool) -> dict[str, object]:
    party = occasion.party
    return {
        "title": TITLE,
        "draft": bool(party.gaps()),
        "describes": not silent,
        "sender": {"name": occasion.writer, "address": party.address or (gap("postal address"),)},
        "date": plain(occasion.today),
        "happened": _happened(party),
        "occurred": plain(occasion.occurred),
        "discovered": plain(occasion.discovered),
        "advice": party.advice or ADVICE,
        "protection": party.protection,
        "doing": doing(party),
        "reach": _reach(party),
        "signed": party.signed_by or gap("name and title of who signs"),
        "letters": [_letter(one) for one in addressees],
    }


def _happened(party: Party) -> tuple[str, ...]:
    return party.happened or (gap("what happened, in plain words"),)


def _reach(party: Party) -> list[str]:
    return [
        f"Telephone (free of charge): {party.phone or gap('toll-free number')}",
        *([f"E-mail: {party.email}"] if party.email else []),
        *([f"Web: {party.website}"] if party.website else []),
    ]


def _letter(one: Addressee) -> dict[str, object]:
    place = " ".join(part for part in (f"{one.city}," if one.city else "", one.state, one.zip) if part)
    return {
        "name": one.name,
        "about": about(one),
        "address": [one.addressed, one.line, place],
        "whose": f"{one.name}'s" if one.minor or one.deceased else "Your",
        "files": [
            {"of": _sentence(_file_in_words(each)), "classes": [in_words(kind) for kind in each.classes]}
            for each in one.files
        ],
    }


def _file_in_words(told: InFiles) -> str:
    return f"{with_article(told.kind)} of {told.owner}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


class Part(NamedTuple):
    """A part of a notice in words: its heading, paragraphs, then a list."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    ordered: bool = False


def parts(occasion: Occasion, one: Addressee) -> list[Part]:
    """Return what a letter to somebody says, part by part (45 CFR 164.404(c))."""
    party, letter = occasion.party, _letter(one)
    found: list[Part] = []
    if one.state not in SILENT_STATES:
        found.append(Part("What happened", (*_happened(party), when(occasion))))
    found.append(Part("Which data was in the files", (f"{letter['whose']} data was in these files. In each it was:",)))
    found += [
        Part("", (f"{_sentence(_file_in_words(each))}:",), tuple(in_words(kind) for kind in each.classes))
        for each in one.files
    ]
    protection = (party.protection,) if party.protection else ()
    return [
        *found,
        Part("What you should do", (), party.advice or ADVICE, ordered=True),
        *([Part("", protection)] if protection else []),
        Part("What we are doing", doing(party)),
        Part("How to reach us", tuple(_reach(party))),
    ]


def when(occasion: Occasion) -> str:
    """Return the sentence of both dates."""
    return f"It happened on {plain(occasion.occurred)}. We discovered it on {plain(occasion.discovered)}."


def doing(party: Party) -> tuple[str, ...]:
    """Return what the party does, or the gap where it did not say."""
    return party.doing or (gap("what we do to investigate, to limit the harm, and against the next one"),)


def about(one: Addressee) -> str:
    """Return whom a letter addresses, and about whom it is where that is somebody else."""
    if one.deceased:
        return f"This letter is about the data of {one.name}, who has died. We write to you as the next of kin."
    if one.minor:
        return f"This letter is about the data of {one.name}. We write to you as the parent or guardian."
    return f"Dear {one.addressed},"


def as_text(occasion: Occasion, one: Addressee) -> str:
    """Return the letter as plain text, for e-mail."""
    pieces = [TITLE, "", about(one)]
    for part in parts(occasion, one):
        pieces += ["", *([part.heading] if part.heading else []), *part.paragraphs]
        pieces += [f"{f'{number}.' if part.ordered else '-'} {each}" for number, each in enumerate(part.items, start=1)]
    return "\n".join([*pieces, "", occasion.party.signed_by or gap("name and title of who signs"), occasion.writer, ""])
