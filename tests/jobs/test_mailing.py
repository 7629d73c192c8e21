"""Mail gets to a real mail server under TLS, in words, once; what cannot be sent is told so; nothing is injected."""

import asyncio
import contextlib
import dataclasses
import email.policy
import ssl
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from sealane.app import certificate
from sealane.clock import Clock
from sealane.errors import Invalid
from sealane.jobs.mailing import Mailing, check
from sealane.jobs.wording import message_of
from sealane.operations.sharing import LeaseMails, Letter, Mail, MailsAre
from tests.keeper_in_process import SETTINGS

pytestmark = pytest.mark.slow  # together they take longer than make check may

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LETTER = Letter("package", "ada@partner.example", "en", "anna@clinic", "https://files.example/p/x", "", NOW)


def to_another(letter, to):
    return Letter(letter.kind, to, letter.language, letter.sender, letter.link, letter.code, letter.until)


class Postbox:
    """Takes mail as a mail server does; refuses what `says` has an answer for."""

    def __init__(self):
        self.got = []
        self.says = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802  # as the server calls it
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802  # as the server calls it
        self.got.append((session.ssl is not None, session.auth_data, envelope))
        return "250 taken"


class Queue:
    """The keeper's side: what is due, and what it was told."""

    def __init__(self, *letters):
        self.due = [Mail(number, letter) for number, letter in enumerate(letters)]
        self.told = {}

    async def ask(self, operation):
        if isinstance(operation, LeaseMails):
            due, self.due = tuple(self.due), []
            return MailsAre(due)
        self.told[operation.mail] = operation.outcome
        return None


@contextlib.asynccontextmanager
async def serving(postbox, **given):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postbox, loop=loop, hostname="post.example", **given), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def settings(port, **given):
    return dataclasses.replace(
        SETTINGS, **({"smtp": f"127.0.0.1:{port}", "smtp_from": "files@files.example", "smtp_wait_seconds": 20} | given)
    )


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mail")
    cert, key = certificate.ensured(folder, ["127.0.0.1"], datetime.now(UTC))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context, str(cert)


async def test_mail_goes_out_under_starttls_with_its_password_and_is_told_as_taken(tls):
    context, cert = tls
    seen = []

    def authenticator(_server, _session, _envelope, _mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    postbox, queue = Postbox(), Queue(LETTER, to_another(LETTER, "bob@partner.example"))
    async with serving(
        postbox, tls_context=context, require_starttls=True, authenticator=authenticator, auth_require_tls=True
    ) as port:
        given = settings(port, smtp_ca=cert, smtp_user="sealane", smtp_password="kept quiet")
        mailing = Mailing(queue.ask, given, Clock())
        assert await mailing.one_round() == 2
        assert await mailing.one_round() == 0
    assert queue.told == {0: "taken", 1: "taken"}
    assert seen == [(b"sealane", b"kept quiet")]
    (first, _) = postbox.got
    assert first[0]
    message = email.message_from_bytes(first[2].content, policy=email.policy.default)
    assert (message["to"], message["from"]) == ("ada@partner.example", "files@files.example")
    assert message["subject"] == "anna@clinic has sent you files"
    assert "https://files.example/p/x" in message.get_content()
    assert "2026-03-02 09:30 UTC" in message.get_content()


async def test_a_server_whose_certificate_is_not_known_or_that_has_no_tls_gets_nothing(tls):
    context, cert = tls
    for server, given in ((context, {}), (None, {"smtp_ca": cert})):
        postbox, queue = Postbox(), Queue(LETTER)
        async with serving(postbox, tls_context=server) as port:
            await Mailing(queue.ask, settings(port, **given), Clock()).one_round()
        assert (queue.told, postbox.got) == ({0: "later"}, [])


async def test_one_that_is_refused_holds_up_no_other_and_a_server_that_is_away_loses_nothing(caplog):
    postbox = Postbox()
    postbox.says = {"gone@x.example": "550 no such mailbox", "full@x.example": "452 try later"}
    letters = [to_another(LETTER, to) for to in ("gone@x.example", "full@x.example", "ada@partner.example")]
    queue = Queue(*letters)
    async with serving(postbox) as port:
        given = settings(port, smtp_security="none")
        await Mailing(queue.ask, given, Clock()).one_round()
    assert queue.told == {0: "refused", 1: "later", 2: "taken"}
    again = Queue(LETTER)
    await Mailing(again.ask, given, Clock()).one_round()  # nobody listens there any more
    assert again.told == {0: "later"}
    assert "ada@" not in caplog.text
    assert "/p/x" not in caplog.text


async def test_it_stops_when_it_is_asked_to():
    stop = asyncio.Event()
    queue = Queue()
    running = asyncio.create_task(Mailing(queue.ask, settings(25, smtp_security="none"), Clock()).run(stop))
    stop.set()
    async with asyncio.timeout(20):
        await running


@pytest.mark.parametrize(
    "given",
    [
        {"smtp": "nowhere"},
        {"smtp_security": "perhaps"},
        {"smtp_security": "none", "smtp": "mail.example:25"},
        {"smtp_from": ""},
    ],
)
def test_settings_by_which_mail_should_not_go_are_refused(given):
    with pytest.raises(Invalid):
        check(settings(25, **given))


@pytest.mark.parametrize("kind", ["package", "request", "code", "replied", "arrived"])
@pytest.mark.parametrize("language", ["en", "de", "es", "xx"])
def test_every_letter_has_words_in_every_language(kind, language):
    letter = Letter(kind, "a@b.example", language, "anna@clinic", "https://x.example/1", "01234567", NOW)
    message = message_of(letter, sender="f@x.example", now=NOW)
    text = message.get_content()
    assert "{" not in text + message["subject"]
    assert ("01234567" in text) == (kind == "code")
    assert ("https://x.example/1" in text) == (kind != "code")


@pytest.mark.parametrize("field", ["to", "sender"])
def test_nothing_can_end_a_header_and_begin_another(field):
    given = {"to": "a@b.example", "sender": "anna@clinic"} | {field: "x@y.example\r\nBcc: eve@z.example"}
    with pytest.raises(ValueError, match=r"."):
        message_of(Letter("package", given["to"], "en", given["sender"]), sender="f@x.example", now=NOW)
