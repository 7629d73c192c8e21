"""Letters as e-mail: for each individual who agreed to it one message of plain text with the same as HTML beside it.

Files as mail programs and servers take them (EML, RFC 5322); nothing is sent here. Not to children, nor about the
deceased: the address is not known to be the parent's or the next of kin's.
"""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sealane.desk.notices.letters import TITLE, about, as_text, gap, parts
from sealane.desk.notices.markup import STYLE, Markup, document, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealane.desk.notices.addressees import Addressee
    from sealane.desk.notices.letters import Occasion

_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")


def can_be_sent(one: Addressee) -> bool:
    """Tell whether an e-mail about somebody reaches them, and nobody else, as far as the files tell."""
    return not one.minor and not one.deceased and is_address(one.email)


def is_address(text: str) -> bool:
    """Tell whether a text is one address and nothing else."""
    return _ADDRESS.fullmatch(text) is not None


def messages(occasion: Occasion, addressees: Iterable[Addressee]) -> Iterator[tuple[str, bytes]]:
    """Yield a message for each individual whom an e-mail reaches: the name of its file, and its bytes."""
    for one in addressees:
        if can_be_sent(one):
            yield f"{one.number:09d}.eml", message(occasion, one).as_bytes()


def message(occasion: Occasion, one: Addressee) -> EmailMessage:
    """Return the letter to one individual as a message. Without `From` where the party has told no e-mail address."""
    made = EmailMessage(policy=SMTP)
    made["Subject"] = TITLE
    if _ADDRESS.fullmatch(occasion.party.email):
        made["From"] = Address(_line(occasion.writer), addr_spec=occasion.party.email)
    made["To"] = Address(_line(one.name), addr_spec=one.email)
    made.set_content(as_text(occasion, one))
    made.add_alternative(as_html(occasion, one).decode(), subtype="html")
    made.set_boundary(sha256(f"{one.number} {one.email} {occasion.today}".encode()).hexdigest()[:40])
    return made


def as_html(occasion: Occasion, one: Addressee) -> bytes:
    """Return the letter as a page of its own, with nothing that is fetched."""
    body: list[Markup] = []
    for part in parts(occasion, one):
        body += [tag("h2", part.heading)] if part.heading else []
        body += [tag("p", each) for each in part.paragraphs]
        if part.items:
            body.append(tag("ol" if part.ordered else "ul", *(tag("li", each) for each in part.items)))
    signed = occasion.party.signed_by or gap("name and title of who signs")
    return document(TITLE, tag("h1", TITLE), tag("p", about(one)), *body, tag("p", f"{signed}, {occasion.writer}"),
                    style=STYLE)  # fmt: skip


def _line(text: str) -> str:
    """Return a name without what breaks a header's line."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
