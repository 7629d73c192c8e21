"""A mail server that takes mail for others: how it is reached, and what its replies mean.

The standard library's SMTP client. Must stay true: outside loopback nothing goes out but under TLS with the server's
name checked, the password least of all.
"""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from sealane.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

Outcome = Literal["taken", "refused", "later"]
SECURITIES: Final = ("starttls", "tls", "none")
_FOR_GOOD: Final = range(500, 600)
"""Replies that say: do not try this again (RFC 5321, 4.2.1)."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server, and who we are to it."""

    host: str
    port: int
    security: str
    """starttls, tls, or none on loopback."""
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    """A file of certificates to believe instead of the system's."""
    wait_seconds: float = 30

    def check(self) -> None:
        """Raise `Invalid` where no mail could, or should, go this way."""
        if self.security not in SECURITIES:
            raise Invalid("The security of a mail server is starttls, tls or none.")
        if self.security == "none" and not _is_loopback(self.host):
            raise Invalid("Mail goes out without TLS to a mail server on this machine only.")

    def connected(self) -> smtplib.SMTP:
        """Return a connection, signed in to. Raises `OSError`, `smtplib.SMTPException`."""
        context = ssl.create_default_context(cafile=self.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        server: smtplib.SMTP
        if self.security == "tls":
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=self.wait_seconds, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.wait_seconds)
        try:
            if self.security == "starttls":
                server.starttls(context=context)  # raises where the server has none: there is no way around it
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


def outcome_of(hand_over: Callable[[], object]) -> Outcome:
    """Hand over one message, and return what the server's reply means.

    Raises `OSError`, `smtplib.SMTPException` where there was none: the message may have been taken, or not.
    """
    try:
        hand_over()
    except smtplib.SMTPRecipientsRefused as refusal:
        codes = [code for code, _ in refusal.recipients.values()]
        return "refused" if all(code in _FOR_GOOD for code in codes) else "later"
    except smtplib.SMTPResponseException as refusal:
        return "refused" if refusal.smtp_code in _FOR_GOOD else "later"
    return "taken"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
