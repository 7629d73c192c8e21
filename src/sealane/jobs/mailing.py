"""Sending mail: takes what is due from the keeper, hands it to the mail server, tells what became of it.

In a thread, one connection a batch (`relay.py`). Must stay true: neither letters nor passwords are logged; a mail
server that is away loses nothing; one mail that is refused holds up no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import smtplib
from typing import TYPE_CHECKING, Final, Protocol

from sealane.errors import Invalid, SealaneError
from sealane.jobs.collecting import host_and_port
from sealane.jobs.relay import Relay, outcome_of
from sealane.jobs.wording import message_of
from sealane.operations.sharing import LeaseMails, MailsAre, TellMail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealane.clock import Clock
    from sealane.operations.envelope import Answer, Operation
    from sealane.operations.sharing import Mail, MailOutcome
    from sealane.settings import Settings

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 2.0
_BATCH: Final = 20


class Ask(Protocol):
    """Asks the keeper; raises the `SealaneError` of its answer."""

    async def __call__(self, operation: Operation, /) -> Answer:
        """Ask."""
        ...


def check(settings: Settings) -> Relay:
    """Return the mail server. Raises `Invalid` for settings by which no mail could, or should, go."""
    host, port = host_and_port(settings.smtp, "smtp")
    found = Relay(
        host, port, settings.smtp_security, settings.smtp_user, settings.smtp_password, settings.smtp_ca,
        settings.smtp_wait_seconds,
    )  # fmt: skip
    found.check()
    if "@" not in settings.smtp_from:
        raise Invalid("The setting 'smtp_from' is the address that mail is from: files@example.org.")
    return found


class Mailing:
    """Hands mail to one mail server."""

    def __init__(self, ask: Ask, settings: Settings, clock: Clock) -> None:
        """Nothing is sent yet. Raises `Invalid`, see `check`."""
        self._ask = ask
        self._settings = settings
        self._clock = clock
        self._relay = check(settings)

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until `stop`."""
        while not stop.is_set():
            sent = 0
            try:
                sent = await self.one_round()
            except SealaneError as failure:
                log.warning("mail waits: %s", failure.code)
            if not sent:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _IDLE_SECONDS)

    async def one_round(self) -> int:
        """Send one batch of what is due; return how many mails were tried."""
        due = await self._ask(LeaseMails(limit=_BATCH))
        assert isinstance(due, MailsAre)
        if not due.mails:
            return 0
        told = await asyncio.to_thread(self._send, due.mails)
        for mail, outcome in told.items():
            await self._ask(TellMail(mail=mail, outcome=outcome))
        return len(due.mails)

    def _send(self, mails: Sequence[Mail]) -> dict[int, MailOutcome]:
        """Hand over a batch; whatever was not answered is to be tried later. In a thread: this waits."""
        told: dict[int, MailOutcome] = {mail.mail: "later" for mail in mails}
        try:
            with self._relay.connected() as server:
                for mail in mails:
                    told[mail.mail] = self._handed_over(server, mail)
        except (OSError, smtplib.SMTPException) as problem:
            log.warning("the mail server did not take everything: %s", type(problem).__name__)
        return told

    def _handed_over(self, server: smtplib.SMTP, mail: Mail) -> MailOutcome:
        try:
            message = message_of(mail.letter, sender=self._settings.smtp_from, now=self._clock.now())
        except ValueError:
            return "refused"
        return outcome_of(lambda: server.send_message(message))
