"""Packets, attributes and scp's lines: read back what was built, and refuse what cannot be read."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane import paths
from sealane.doors.sftp import attributes, foundations, packets, scp_words, status
from sealane.doors.sftp.packets import Code, Fields, Kind, Malformed
from sealane.errors import Invalid, NotAFolder, SealaneError, Unsupported
from sealane.operations.files import Entry

AT = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)


def text_of(packet):
    length, kind, number, code = struct.unpack_from(">IBII", packet)
    assert length == len(packet) - 4
    assert kind == Kind.STATUS
    fields = Fields(memoryview(packet)[13:])
    return number, code, fields.string(10_000).decode(), fields.string(10)


def test_the_asyncssh_at_hand_is_the_one_the_door_was_written_for():
    foundations.check()


def test_another_asyncssh_is_refused_with_a_sentence(monkeypatch):
    monkeypatch.setattr(foundations.asyncssh, "__version__", "2.25.0")
    with pytest.raises(Unsupported, match=r"needs asyncssh 2\.24\.x and found 2\.25\.0"):
        foundations.check()


def test_a_name_that_asyncssh_lost_is_named(monkeypatch):
    monkeypatch.delattr(foundations.asyncssh.connection.SSHConnection, "_send_kexinit")
    with pytest.raises(Unsupported, match=r"lacks SSHServerConnection\._send_kexinit"):
        foundations.check()


@given(st.integers(0, 2**32 - 1), st.sampled_from(Code), st.text(max_size=50).filter(lambda t: t.isprintable()))
def test_a_status_says_number_code_and_sentence(number, code, sentence):
    assert text_of(packets.status(number, code, sentence)) == (number, code, sentence, b"en")


def test_success_has_the_same_shape():
    assert text_of(packets.ok(7)) == (7, Code.OK, "", b"en")


PLAIN = [known for known in SealaneError.by_code.values() if known.__init__ is SealaneError.__init__]


@pytest.mark.parametrize("error", PLAIN, ids=lambda error: error.code)
def test_every_failure_has_a_code_and_its_sentence(error):
    number, code, sentence, _ = text_of(status.reply(3, error()))
    assert number == 3
    assert code in {Code.NO_SUCH_FILE, Code.PERMISSION_DENIED, Code.FAILURE, Code.OP_UNSUPPORTED}
    assert sentence == f"{error.default} ({error.code})"


def test_what_is_missing_and_a_file_in_the_way_answer_alike():
    assert status.code_of(NotAFolder()) == Code.NO_SUCH_FILE


@given(st.binary(max_size=60))
def test_fields_are_read_or_refused_and_never_beyond_the_packet(raw):
    fields = Fields(memoryview(raw))
    read = 0
    try:
        while True:
            read += 4 + len(fields.string(16))
    except Malformed:
        assert read <= len(raw)


@given(st.binary(max_size=80))
def test_attributes_of_any_bytes_are_read_or_refused(raw):
    try:
        wanted = attributes.parse(Fields(memoryview(raw)))
    except Malformed:
        return
    assert wanted.modified is None or wanted.modified.tzinfo is UTC


@given(
    st.integers(0, 2**63 - 1),
    st.datetimes(datetime(1970, 1, 1), datetime(2106, 2, 7)),  # noqa: DTZ001  # hypothesis wants naive bounds
)
def test_attributes_that_are_shown_can_be_set_again(size, when):
    when = when.replace(microsecond=0, tzinfo=UTC)
    packed = attributes.pack(size=size, shown_mode=0o100600, modified=when)
    assert attributes.parse(Fields(memoryview(packed))) == attributes.Wanted(size=size, modified=when)


def test_times_beyond_32_bits_are_held_within_them():
    assert attributes.seconds(datetime(1950, 1, 1, tzinfo=UTC)) == 0
    assert attributes.seconds(datetime(2200, 1, 1, tzinfo=UTC)) == 0xFFFFFFFF


def test_a_listing_line_reads_like_ls():
    entry = Entry("report.csv", "file", 1234, AT, ("list", "read"))
    assert b"-r--------    1 0        0                1234 Feb 29 12:30 report.csv" in attributes.listed(entry, AT)
    old = attributes.listed(entry, AT + timedelta(days=400))
    assert b"1234 Feb 29  2024 report.csv" in old
    folder = Entry("in", "folder", 0, AT, ("list", "write"))
    assert b"drwx------" in attributes.listed(folder, AT)


# --- scp ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("scp -t /in", ("receive", ("/in",), False, False, False)),
        ("scp -v -p -r -d -t -- '/a b'", ("receive", ("/a b",), True, True, True)),
        ("scp -prf /a /b", ("send", ("/a", "/b"), True, True, False)),
        ("scp -f -- -odd", ("send", ("-odd",), False, False, False)),
    ],
)
def test_scp_commands_are_understood(command, expected):
    parsed = scp_words.parse(command)
    assert (parsed.way, parsed.targets, parsed.recursive, parsed.preserve, parsed.into_folder) == expected


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh -c id",
        "scp",
        "scp -t",
        "scp -t /a /b",
        "scp -t -f /a",
        "scp /a /b",
        "scp -S /bin/sh -t /a",
        "scp -t -oProxyCommand=id /a",
        "/usr/bin/scp -t /a",
        "scp -t 'open",
        "rsync --server . /",
        "scp -f " + "a" * 70_000,
    ],
)
def test_everything_else_is_not_a_command(command):
    assert scp_words.parse(command) is None


@pytest.mark.parametrize(
    "line",
    [
        b"C0644 5 ../evil",
        b"C0644 5 ..",
        b"C0644 5 .",
        b"C0644 5 a/b",
        b"C0644 5 a\\b",
        b"C0644 5 ",
        b"C0644 5",
        b"C0644 -5 a",
        b"C0644 5 a\x1b[2Jb",
        b"C0644 5 \xc0\xae\xc0\xae",
        b"C0644 5 " + b"n" * 300,
        b"C9999 5 a",
        b"X0644 5 a",
        b"C0644 99999999999999999999 a",
    ],
)
def test_a_line_with_anything_but_one_name_is_refused(line):
    with pytest.raises(Invalid):
        scp_words.item(line)


@given(st.binary(max_size=200))
def test_no_line_gives_a_name_that_is_a_path(line):
    try:
        item = scp_words.item(line)
    except Invalid:
        return
    assert paths.check_name(item.name) == item.name
    assert "/" not in item.name


@given(st.booleans(), st.integers(0, 2**62), st.text(min_size=1, max_size=40))
def test_what_is_announced_is_understood(folder, size, name):
    try:
        name = paths.check_name(name)
    except Invalid:
        return
    item = scp_words.Item(folder=folder, size=size, name=name)
    line = scp_words.announce(item, 0o100600)
    assert line.endswith(b"\n")
    assert scp_words.item(line[:-1]) == item


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_times_are_told_and_understood(when):
    when = when.replace(microsecond=0, tzinfo=UTC)
    assert scp_words.times(scp_words.announce_times(when)[:-1]) == when


@given(st.binary(max_size=60))
def test_no_line_of_times_is_more_than_times(line):
    try:
        when = scp_words.times(line)
    except Invalid:
        return
    assert when.tzinfo is UTC


def test_a_failure_is_one_line():
    assert scp_words.failure("/a", "It\nbroke.") == b"\1scp: /a: It broke.\n"
    assert scp_words.failure("", "Over.", fatal=True) == b"\2scp: Over.\n"


@pytest.mark.parametrize("flags", [0x10, 0x40000000, 0x100])
def test_attributes_that_version_3_does_not_know_are_malformed(flags):
    with pytest.raises(Malformed):
        attributes.parse(Fields(memoryview(struct.pack(">I", flags) + bytes(100))))
