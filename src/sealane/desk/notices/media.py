"""What prominent media of a state are told where the law asks for it (45 CFR 164.406), with all that a letter has.

The figures are those of the whole and of the state; nobody is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealane.desk.notices.addressees import in_words
from sealane.desk.notices.letters import doing, gap, plain, when
from sealane.desk.notices.party import ADVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.desk.incidents.counting import Figures
    from sealane.desk.incidents.deadlines import Duty
    from sealane.desk.notices.letters import Occasion

_MEDIA: Final = "media"


def texts(occasion: Occasion, figures: Figures, duties: Iterable[Duty], url: str) -> Iterator[tuple[str, bytes]]:
    """Yield the text for each state whose media are owed one: the name of its file, and its bytes."""
    for duty in duties:
        if duty.rule.to == _MEDIA:
            yield f"{duty.where}.txt", text(occasion, figures, duty, url).encode()


def text(occasion: Occasion, figures: Figures, duty: Duty, url: str) -> str:
    """Return the text for the media of one state."""
    party = occasion.party
    unread = figures.coverage["partial"] + figures.coverage["unreadable"]
    least = "At least " if unread else ""
    more = [f"{unread:,} files could not be read wholly, and there may be more."] if unread else []
    return "\n".join(
        [
            f"For release in {duty.where} by {duty.due or 'now'} ({duty.rule.citation}"
            + (", confirm with counsel)" if duty.unsure else ")"),
            "",
            f"{occasion.writer}: notice of a data breach",
            f"{plain(occasion.today)}",
            "",
            "What happened",
            *(party.happened or (gap("what happened, in plain words"),)),
            when(occasion),
            "",
            "Whose data was taken",
            f"{least}{figures.people['strict']:,} people, of whom {duty.count:,} live in {duty.where}.",
            *more,
            "",
            "Which data",
            *(f"- {in_words(kind)}: {count:,} people" for kind, count in figures.by_class.items()),
            "Each letter says which data of its reader was taken.",
            "",
            "What people should do",
            *(f"{number}. {each}" for number, each in enumerate(party.advice or ADVICE, start=1)),
            *([party.protection] if party.protection else []),
            "",
            "What we are doing",
            *doing(party),
            "",
            "How to reach us",
            f"Telephone (free of charge): {party.phone or gap('toll-free number')}",
            *([f"E-mail: {party.email}"] if party.email else []),
            *([f"Web: {url}"] if url else []),
            ", ".join((occasion.writer, *party.address)),
            "",
        ]
    )
