"""What mail says, in each language. Pure: a letter in, an `EmailMessage` out.

Plain text, one link, nothing that a user or a guest has typed: neither notes, nor titles, nor names of files, since
mail goes over other people's machines in clear. Must stay true: every header is put together by `EmailMessage`, which
refuses line breaks, out of our own words, checked mailboxes and account names.
"""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from sealane.operations.sharing import Letter

_WORDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "en": {
        "package": (
            "{sender} has sent you files",
            (
                "{sender} has sent you files.\n\nOpen this page to fetch them, until {until} UTC:\n{link}\n\n"
                "The page sends a code to this address and asks for it: the link alone opens nothing.\n"
                "If you do not know the sender, leave it alone."
            ),
        ),
        "request": (
            "{sender} asks you for files",
            (
                "{sender} asks you to send them files.\n\nOpen this page to do so, until {until} UTC:\n{link}\n\n"
                "If you do not know the sender, leave it alone."
            ),
        ),
        "code": (
            "Your code",
            (
                "The code that the page asks for:\n\n{code}\n\nIt counts once, until {until} UTC, in the browser that"
                " asked for it. If you have not asked for it, somebody else has your link; the code is not for them."
            ),
        ),
        "replied": ("Somebody has replied to you", "Somebody has replied to what you have sent. Read it here:\n{link}"),
        "arrived": (
            "Files have arrived",
            "Somebody has sent the files that you asked for. They are listed here:\n{link}",
        ),
    },
    "de": {
        "package": (
            "{sender} hat Ihnen Dateien gesendet",
            (
                "{sender} hat Ihnen Dateien gesendet.\n\n"
                "Auf dieser Seite holen Sie sie ab, bis {until} UTC:\n{link}\n\n"
                "Die Seite sendet einen Code an diese Adresse und fragt danach: der Link allein öffnet nichts.\n"
                "Wenn Sie den Absender nicht kennen, lassen Sie es bleiben."
            ),
        ),
        "request": (
            "{sender} bittet Sie um Dateien",
            (
                "{sender} bittet Sie, Dateien zu senden.\n\nDas geht auf dieser Seite, bis {until} UTC:\n{link}\n\n"
                "Wenn Sie den Absender nicht kennen, lassen Sie es bleiben."
            ),
        ),
        "code": (
            "Ihr Code",
            (
                "Der Code, nach dem die Seite fragt:\n\n"
                "{code}\n\nEr gilt einmal, bis {until} UTC, in dem Browser, der ihn"
                " angefordert hat. Wenn Sie das nicht waren, hat jemand anderes Ihren Link; der Code ist nicht für ihn."
            ),
        ),
        "replied": (
            "Jemand hat Ihnen geantwortet",
            "Jemand hat auf Ihre Sendung geantwortet. Hier steht die Antwort:\n{link}",
        ),
        "arrived": (
            "Dateien sind angekommen",
            "Jemand hat die Dateien gesendet, um die Sie gebeten haben. Hier stehen sie:\n{link}",
        ),
    },
    "es": {
        "package": (
            "{sender} le ha enviado archivos",
            (
                "{sender} le ha enviado archivos.\n\nRecójalos en esta página, hasta {until} UTC:\n{link}\n\n"
                "La página envía un código a esta dirección y lo pide: el enlace por sí solo no abre nada.\n"
                "Si no conoce al remitente, no haga nada."
            ),
        ),
        "request": (
            "{sender} le pide archivos",
            (
                "{sender} le pide que le envíe archivos.\n\nHágalo en esta página, hasta {until} UTC:\n{link}\n\n"
                "Si no conoce al remitente, no haga nada."
            ),
        ),
        "code": (
            "Su código",
            (
                "El código que pide la página:\n\n{code}\n\nVale una vez, hasta {until} UTC, en el navegador que"
                " lo pidió. Si no lo pidió usted, otra persona tiene su enlace; el código no es para ella."
            ),
        ),
        "replied": (
            "Alguien le ha respondido",
            "Alguien ha respondido a su envío. Lea la respuesta aquí:\n{link}",
        ),
        "arrived": (
            "Han llegado archivos",
            "Alguien ha enviado los archivos que usted pidió. Están aquí:\n{link}",
        ),
    },
}


def message_of(letter: Letter, *, sender: str, now: datetime) -> EmailMessage:
    """Return the mail that a letter is, from this mailbox. Raises `ValueError` for what cannot stand in a header."""
    subject, body = _WORDS.get(letter.language, _WORDS["en"])[letter.kind]
    until = "" if letter.until is None else letter.until.strftime("%Y-%m-%d %H:%M")
    facts = {"sender": letter.sender, "link": letter.link, "code": letter.code, "until": until}
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(addr_spec=sender)
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = subject.format(**facts)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: nobody's holiday note answers it
    message.set_content(body.format(**facts) + "\n")
    return message
