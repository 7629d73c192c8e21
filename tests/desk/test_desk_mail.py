"""E-mails go to a real mail server once, to whom agreed; what came back is read, and nothing hostile is believed."""

import asyncio
import email
import email.policy
import ssl
import threading
from datetime import UTC, date, datetime

import hypothesis
import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from click.testing import CliRunner
from hypothesis import strategies as st

from sealane.app import certificate
from sealane.cli.main import cli
from sealane.client import identities
from sealane.desk import folder as desk_folder
from sealane.desk import taking
from sealane.desk.failures import BounceInvalid, MailNotTaken, PartyInvalid
from sealane.desk.incidents import records
from sealane.desk.notices import bounces, mailings, sending
from sealane.desk.notices.addressees import by_party, of_incident
from sealane.desk.notices.letters import Occasion
from sealane.errors import Invalid
from sealane.jobs.relay import Relay
from tests.desk.test_desk_notices import PARTY
from tests.desk.worlds import person
from tests.tries import tries

pytestmark = pytest.mark.slow  # a mail server and certificates

NOW = datetime(2026, 4, 2, tzinfo=UTC)
FROM = "privacy@example.org"
READY = Occasion(
    type(PARTY)(**{name: getattr(PARTY, name) for name in PARTY.__struct_fields__} | {"email": FROM}),
    "north", date(2026, 3, 1), date(2026, 3, 12), date(2026, 4, 2),
)  # fmt: skip


class Postbox:
    """Takes mail as a mail server does; `says` answers for addresses, `dies_at` hangs up once a message was taken."""

    def __init__(self):
        self.got, self.says, self.signed_in, self.dies_at = [], {}, [], None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802  # as the server calls it
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # as the server calls it
        assert session.ssl is not None
        self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        if len(self.got) == self.dies_at:
            server.transport.abort()
        return "250 taken"

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        self.signed_in.append((data.login, data.password))
        return AuthResult(success=data.password == b"kept quiet", handled=False)


class Pace:
    def __init__(self):
        self.waited = []

    def now(self):
        return NOW

    def wait(self, seconds):
        self.waited.append(seconds)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    place = tmp_path_factory.mktemp("mail")
    cert, key = certificate.ensured(place, ["127.0.0.1"], datetime.now(UTC))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context, str(cert)


@pytest.fixture(scope="module")
def served(tls):
    """A mail server in a thread of its own, for all tests of the module."""
    postbox = Postbox()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(
            lambda: SMTP(
                postbox, loop=loop, hostname="post.example", tls_context=tls[0], require_starttls=True,
                authenticator=postbox.authenticate, auth_require_tls=True,
            ), "127.0.0.1", 0,
        )
    )  # fmt: skip
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield postbox, server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    server.close()
    loop.close()


@pytest.fixture
def postbox(served):
    served[0].__init__()
    return served[0]


@pytest.fixture
def relay(served, tls):
    return Relay("127.0.0.1", served[1], "starttls", "officer", "kept quiet", tls[1], 60)


@pytest.fixture
def told(desk, world):
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    world.file("north:/a.csv", [person(number, email=f"p{number}@example.org") for number in range(1, 15)])
    taken = taking.sync(desk, world.publish()).taken
    occurred, discovered = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC)
    return taken, records.open_(desk, "Theft", occurred=occurred, discovered=discovered, now=NOW)


AGREED = frozenset(f"p{number}@example.org" for number in range(1, 13))


def due(desk, told, *, agreed=AGREED, doubtful_too=False):
    taken, number = told
    exposed = of_incident(records.load(desk, number), taken.history)
    people = dict(by_party(taken.facts, taken.map, exposed, date(2026, 3, 12)))["north"]
    mailing = mailings.load(desk, number)
    letters = sending.letters_to(taken.facts, taken.map, people, READY, "north", mailing)
    return sending.waiting(letters, mailing, agreed, doubtful_too=doubtful_too)


def send(desk, told, relay, letters, pace=None, a_minute=60):
    return sending.send(desk, told[1], letters, relay, pace or Pace(), a_minute=a_minute)


def delivered(desk, told):
    sending.tell(desk, told[1], "north", NOW)
    sending.tell(desk, told[1], "north", NOW)  # what was told is not told again
    return {one.state: one.count for one in records.load(desk, told[1]).deliveries}


def test_each_who_agreed_gets_one_message_under_tls_and_nobody_else(desk, told, relay, postbox):
    pace = Pace()
    assert send(desk, told, relay, due(desk, told), pace, a_minute=120) == {"taken": 12}
    assert {to for _, (to,), _ in postbox.got} == AGREED
    assert {sender for sender, _, _ in postbox.got} == {FROM}
    assert set(postbox.signed_in) == {(b"officer", b"kept quiet")}
    assert pace.waited == [0.5] * 12
    message = email.message_from_bytes(postbox.got[0][2], policy=email.policy.default)
    assert message["from"].addresses[0].addr_spec == FROM
    assert message["auto-submitted"] == "auto-generated"
    assert "Which data was in the files" in message.get_body(("plain",)).get_content()
    assert max(postbox.got[0][2]) < 128
    assert len({email.message_from_bytes(content)["message-id"] for _, _, content in postbox.got}) == 12
    assert due(desk, told) == []
    assert len(due(desk, told, agreed=AGREED | {"p13@example.org"})) == 1
    assert delivered(desk, told) == {"sent": 12}


def test_a_message_is_on_record_before_it_is_handed_over(desk, told, relay, postbox, monkeypatch):
    seen = []

    async def looks(_server, _session, envelope):
        kept = mailings.load(desk, told[1])
        seen.append([kept.states[token] for token, one in kept.messages.items() if one.to == envelope.rcpt_tos[0]])
        return "250 taken"

    monkeypatch.setattr(Postbox, "handle_DATA", staticmethod(looks))
    send(desk, told, relay, due(desk, told)[:3])
    assert seen == [["doubtful"]] * 3


def test_a_sending_that_was_killed_writes_to_nobody_twice(desk, told, relay, postbox, monkeypatch):
    write = desk_folder.Folder.write

    def killed(self, name, plain):
        if b'"ended"' in plain:
            raise KeyboardInterrupt
        write(self, name, plain)

    monkeypatch.setattr(desk_folder.Folder, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        send(desk, told, relay, due(desk, told))
    monkeypatch.undo()
    assert len(postbox.got) == 10
    assert send(desk, told, relay, due(desk, told)) == {"taken": 2, "doubtful": 10}
    assert len({to for _, (to,), _ in postbox.got}) == len(postbox.got) == 12
    assert len(due(desk, told, doubtful_too=True)) == 10


def test_of_a_server_that_goes_away_one_message_is_doubtful_and_the_rest_is_sent_later(desk, told, relay, postbox):
    postbox.dies_at = 3
    with pytest.raises(MailNotTaken):
        send(desk, told, relay, due(desk, told))
    assert mailings.load(desk, told[1]).counts("north") == {"taken": 2, "doubtful": 1, "later": 7}
    assert len(due(desk, told)) == 9
    send(desk, told, relay, due(desk, told))
    assert len({to for _, (to,), _ in postbox.got}) == len(postbox.got) == 12


def test_whom_a_server_refuses_for_good_is_not_tried_again(desk, told, relay, postbox):
    postbox.says = {"p1@example.org": "550 nobody of this name", "p2@example.org": "450 later"}
    assert send(desk, told, relay, due(desk, told)) == {"taken": 10, "refused": 1, "later": 1}
    assert [one.to.email for one in due(desk, told)] == ["p2@example.org"]
    assert delivered(desk, told) == {"sent": 10, "bounced": 1}


def test_nothing_goes_to_a_server_that_is_not_known_or_does_not_know_us(desk, told, relay, postbox):
    from dataclasses import replace

    for wrong in (replace(relay, ca=""), replace(relay, password="guessed")):
        with pytest.raises(MailNotTaken):
            send(desk, told, wrong, due(desk, told))
    assert postbox.got == []
    assert len(due(desk, told)) == 12
    for unsafe in (replace(relay, host="post.example", security="none"), replace(relay, security="maybe")):
        with pytest.raises(Invalid):
            unsafe.check()
    with pytest.raises(PartyInvalid, match="Drafts"):
        sending.check(Occasion(type(PARTY)(), "north", *[date(2026, 3, 1)] * 3))
    with pytest.raises(PartyInvalid, match="e-mail"):
        sending.check(Occasion(PARTY, "north", *[date(2026, 3, 1)] * 3))


def test_who_was_written_to_is_known_again_when_people_are_linked_anew(desk, world, told, relay, postbox):
    assert send(desk, told, relay, [one for one in due(desk, told) if one.to.email == "p5@example.org"]) == {"taken": 1}
    taken, number = told
    roots = taken.map.strict.copy()
    roots[4] = roots[0]  # the fifth turns out to be the first
    linked = type(taken)(taken.history, taken.facts, type(taken.map)(2, taken.map.about, roots, roots), "")
    left = {one.to.number for one in due(desk, (linked, number))}
    assert 0 not in left
    assert len(left) == 10


def notification(token, action="failed", enclosed="message/rfc822", host="sealane.invalid"):
    return (
        "From: MAILER-DAEMON@post.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; post.example\r\n\r\n"
        f"Final-Recipient: rfc822; p1@example.org\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n"
        f"--x\r\nContent-Type: {enclosed}\r\n\r\nMessage-ID: <{token}@{host}>\r\nSubject: Your data\r\n\r\n--x--\r\n"
    ).encode()


@pytest.mark.parametrize("enclosed", ["message/rfc822", "text/rfc822-headers"])
def test_what_came_back_is_kept_once_and_a_strangers_file_changes_nothing(
    desk, told, relay, postbox, tmp_path, enclosed
):
    send(desk, told, relay, due(desk, told))
    first, second = list(mailings.load(desk, told[1]).messages)[:2]
    files = {
        "a.eml": notification(first, enclosed=enclosed), "b.eml": notification(first, enclosed=enclosed),
        "late.eml": notification(second, "delayed", enclosed), "forged.eml": notification("0" * 32, enclosed=enclosed),
        "other.eml": notification(second, enclosed=enclosed, host="elsewhere.example"),
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    tokens = [token for path in bounces.files_in([tmp_path]) if path.suffix == ".eml" and (token := bounces.read(path))]
    assert bounces.keep(desk, told[1], tokens, NOW) == 1
    assert bounces.keep(desk, told[1], tokens, NOW) == 0
    assert delivered(desk, told) == {"sent": 12, "bounced": 1}


def test_the_commands_send_and_read_what_came_back(desk, identity, told, relay, postbox, tmp_path):
    key, party, agreed, back = (tmp_path / name for name in ("key.txt", "party.toml", "agreed.txt", "back"))
    identities.keep(key, identities.written(identity, NOW, None))
    party.write_text(
        f'name = "Example"\naddress = ["1 Main St"]\nphone = "1-800-555-0100"\nemail = "{FROM}"\n'
        'happened = ["A thief."]\ndoing = ["We closed the hole."]\nsigned_by = "Dana Doe"\n'
    )
    agreed.write_text("P1@example.org\np2@example.org\nnobody@example.org\n")

    def run(*words, code=0):
        given = ["desk", "incident", *map(str, words), "--desk", str(desk.path), "--identity", str(key)]
        done = CliRunner().invoke(cli, given, input="kept quiet\n")
        assert done.exit_code == code, done.output
        return done.output

    send_ = (
        "send",
        told[1],
        "--party",
        party,
        "--agreed",
        agreed,
        "--relay",
        f"127.0.0.1:{relay.port}",
        "--ca",
        relay.ca,
    )
    send_ = (*send_, "--user", "officer", "--password-stdin", "--rate", 6000)
    assert "north" in run(*send_, "--by", "south", code=1)  # who writes is named
    assert "2 of 14 e-mails are to be sent.\n2 taken\n" in run(*send_, "--by", "north")
    assert "0 of 14 e-mails are to be sent." in run(*send_, "--by", "north")
    assert {to for _, (to,), _ in postbox.got} == {"p1@example.org", "p2@example.org"}
    back.mkdir()
    (back / "1.eml").write_bytes(notification(next(iter(mailings.load(desk, told[1]).messages))))
    (back / "2.eml").write_bytes(b"Subject: I am away\r\n\r\nUntil Monday.")
    assert "1 e-mails did not arrive that were not known to; 1 files are no" in run("bounces", told[1], back)
    assert {one.state: one.count for one in records.load(desk, told[1]).deliveries} == {"sent": 2, "bounced": 1}


@pytest.mark.parametrize("content", [b"", b"Subject: hello\r\n\r\nI am away.", b"\x00" * 100])
def test_other_mail_is_no_notification(tmp_path, content):
    (tmp_path / "x.eml").write_bytes(content)
    with pytest.raises(BounceInvalid):
        bounces.read(tmp_path / "x.eml")
    with pytest.raises(BounceInvalid):
        bounces.read(tmp_path / "missing.eml")


@hypothesis.given(st.integers(0, 600), st.binary(max_size=40), st.binary(max_size=200))
@hypothesis.settings(max_examples=tries(60))
def test_whatever_is_in_a_notification_it_is_read_or_refused(place, bytes_, more):
    whole = notification("a" * 32)
    for content in (whole[:place] + bytes_ + whole[place + len(bytes_) :], more, whole[:place] + more):
        try:
            token = bounces.token_in(content)
        except BounceInvalid:
            continue
        assert token is None or isinstance(token, str)
