"""The SFTP engine: one reply to each request, in order, however the stream is cut; and files behave as files do."""

import asyncio
import struct
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sealane.doors.sftp.engine import READ_BYTES_MAX, Broken, Engine
from sealane.doors.sftp.handles import Handles
from sealane.doors.sftp.packets import Code, Flag, Kind
from sealane.doors.sftp.requests import SftpRequests
from tests.doors.sftp.memory_files import MemoryFiles, Stored
from tests.tries import tries

INIT = struct.pack(">IBI", 5, Kind.INIT, 3)


def string(value):
    return struct.pack(">I", len(value)) + value


def packet(kind, number, body=b""):
    return struct.pack(">IBI", 5 + len(body), kind, number) + body


def attributes(size=None, modified=None):
    flags = (1 if size is not None else 0) | (8 if modified is not None else 0)
    packed = struct.pack(">I", flags)
    if size is not None:
        packed += struct.pack(">Q", size)
    if modified is not None:
        packed += struct.pack(">II", modified, modified)
    return packed


class Client:
    """Speaks to an engine over memory files and reads its replies."""

    def __init__(self, files=None, *, handles_max=1024, replies_bytes_max=1 << 20):
        self.files = files or MemoryFiles()
        self.handles = Handles(handles_max)
        self.engine = Engine(
            SftpRequests(self.files, self.handles),
            self.handles,
            packet_bytes_max=256 * 1024 + 1024,
            replies_bytes_max=replies_bytes_max,
        )
        self.numbers = count(1)
        self.replies = []
        self._kept = b""

    def send(self, stream):
        """Feed a piece of the stream and answer whatever has to wait."""
        self._kept += stream
        while True:
            replies = []
            used = self.engine.take(memoryview(self._kept), replies)
            waiting = self.engine.waiting
            if waiting is not None:
                replies += asyncio.run(_finish(waiting))
                self.engine.waiting = None
            self._kept = self._kept[used:]
            self.replies.append(b"".join(replies))
            if not used:
                return

    def ask(self, kind, body=b""):
        number = next(self.numbers)
        self.replies.clear()
        self.send(packet(kind, number, body))
        (reply,) = split(b"".join(self.replies))
        assert reply[1] == number
        return reply

    def code(self, kind, body=b""):
        reply = self.ask(kind, body)
        assert reply[0] == Kind.STATUS
        return Code(struct.unpack_from(">I", reply[2])[0])

    def open(self, path, flags):
        kind, _, body = self.ask(Kind.OPEN, string(path) + struct.pack(">I", flags) + attributes())
        if kind == Kind.STATUS:
            return Code(struct.unpack_from(">I", body)[0])
        return body[4:]

    def read(self, handle, offset, length):
        kind, _, body = self.ask(Kind.READ, string(handle) + struct.pack(">QI", offset, length))
        return body[4:] if kind == Kind.DATA else Code(struct.unpack_from(">I", body)[0])

    def write(self, handle, offset, data, trailing=b""):
        return self.code(Kind.WRITE, string(handle) + struct.pack(">Q", offset) + string(data) + trailing)

    def size(self, handle):
        kind, _, body = self.ask(Kind.FSTAT, string(handle))
        assert kind == Kind.ATTRS
        return struct.unpack_from(">Q", body, 4)[0]


async def _finish(waiting):
    return await waiting


def split(stream):
    """Return (kind, number, body) of each packet; the stream must end with one."""
    found = []
    while stream:
        (length,) = struct.unpack_from(">I", stream)
        assert len(stream) >= 4 + length
        found.append((stream[4], struct.unpack_from(">I", stream, 5)[0], stream[9 : 4 + length]))
        stream = stream[4 + length :]
    return found


@pytest.fixture
def client():
    client = Client()
    client.send(INIT)
    client.files.stored["/a"] = Stored(b"0123456789")
    return client


# --- beginning ------------------------------------------------------------------------------------------------------


def test_init_is_answered_with_version_3_and_the_extensions():
    client = Client()
    client.send(struct.pack(">IBI", 5, Kind.INIT, 6))
    reply = b"".join(client.replies)
    assert struct.unpack_from(">IBI", reply) == (len(reply) - 4, Kind.VERSION, 3)
    for name in (
        b"limits@openssh.com",
        b"posix-rename@openssh.com",
        b"copy-data",
        b"check-file",
        b"statvfs@openssh.com",
    ):
        assert string(name) in reply
    assert b"hardlink" not in reply


@pytest.mark.parametrize(
    "stream",
    [
        packet(Kind.STAT, 1, string(b"/")),
        struct.pack(">IBI", 5, Kind.INIT, 2),
        struct.pack(">IB", 1, Kind.INIT),
        INIT + INIT,
        INIT + struct.pack(">I", 0),
        INIT + struct.pack(">IBH", 3, Kind.STAT, 1),
        INIT + struct.pack(">I", 0xFFFFFFFF),
        INIT + struct.pack(">I", 256 * 1024 + 1025),
    ],
    ids=["no-init", "version-2", "short-init", "init-twice", "empty", "no-number", "huge", "one-too-long"],
)
def test_a_stream_that_makes_no_sense_ends_the_session(stream):
    client = Client()
    with pytest.raises(Broken):
        client.send(stream)


def test_a_packet_of_the_largest_size_is_taken(client):
    handle = client.open(b"/big", Flag.WRITE | Flag.CREAT | Flag.TRUNC)
    body = string(handle) + struct.pack(">Q", 0)
    data = bytes(256 * 1024 + 1024 - 5 - len(body) - 4)
    assert client.write(handle, 0, data) == Code.OK
    assert client.size(handle) == len(data)


# --- requests that are wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 21, 99, 105, 199, 201, 255])
def test_an_unknown_request_is_answered_as_unsupported(client, kind):
    assert client.code(kind, b"anything") == Code.OP_UNSUPPORTED
    assert client.code(Kind.STAT, string(b"/nothing")) == Code.NO_SUCH_FILE


@pytest.mark.parametrize("kind", [kind for kind in Kind if Kind.OPEN <= kind <= Kind.RENAME or kind == Kind.EXTENDED])
def test_a_request_that_is_cut_is_answered_as_malformed(client, kind):
    for body in (b"", b"\0\0\0", struct.pack(">I", 100) + b"short"):
        assert client.code(kind, body) == Code.BAD_MESSAGE


@pytest.mark.parametrize("kind", [Kind.READLINK, Kind.SYMLINK])
def test_links_are_refused_clearly(client, kind):
    _, _, body = client.ask(kind, string(b"/a") + string(b"/b"))
    assert struct.unpack_from(">I", body)[0] == Code.OP_UNSUPPORTED
    assert b"no symbolic links" in body


@pytest.mark.parametrize(
    "path",
    [
        b"../etc",
        b"/../etc",
        b"/a/../../etc",
        b"/\0",
        b"/a\nb",
        b"/" + b"n" * 256,
        b"/" + b"n" * 300 + b"/x",
        b"/in/./../../x",
        b"/\xe0\x80\xae\xe0\x80\xae/x",
        b"/\xc0\xae\xc0\xae/x",
        b"/\xff",
        b"/\\x",
    ],
)
def test_paths_that_break_the_rules_are_refused_by_every_request(client, path):
    some = attributes()
    for kind, body in (
        (Kind.OPEN, string(path) + struct.pack(">I", Flag.READ) + some),
        (Kind.OPENDIR, string(path)),
        (Kind.STAT, string(path)),
        (Kind.LSTAT, string(path)),
        (Kind.SETSTAT, string(path) + some),
        (Kind.REMOVE, string(path)),
        (Kind.MKDIR, string(path) + some),
        (Kind.RMDIR, string(path)),
        (Kind.RENAME, string(b"/a") + string(path)),
        (Kind.EXTENDED, string(b"posix-rename@openssh.com") + string(path) + string(b"/b")),
        (Kind.EXTENDED, string(b"statvfs@openssh.com") + string(path)),
        (Kind.EXTENDED, string(b"check-file-name") + string(path) + string(b"sha256") + bytes(20)),
    ):
        reply = client.ask(kind, body)
        assert reply[0] == Kind.STATUS
        assert struct.unpack_from(">I", reply[2])[0] == Code.FAILURE
        assert b"(path-invalid)" in reply[2]


def test_handles_that_are_not_there_are_refused(client):
    for kind, rest in (
        (Kind.CLOSE, b""),
        (Kind.READ, bytes(12)),
        (Kind.WRITE, bytes(8) + string(b"x")),
        (Kind.FSTAT, b""),
        (Kind.FSETSTAT, attributes()),
        (Kind.READDIR, b""),
    ):
        for name in (b"", b"\0\0\0\x63", b"h" * 256):
            assert client.code(kind, string(name) + rest) == Code.BAD_MESSAGE


def test_more_handles_than_the_limit_are_refused_and_closing_makes_room():
    client = Client(handles_max=2)
    client.send(INIT)
    client.files.stored["/a"] = Stored(b"x")
    first = client.open(b"/a", Flag.READ)
    assert isinstance(client.open(b"/a", Flag.READ), bytes)
    assert client.open(b"/a", Flag.READ) == Code.FAILURE
    assert client.code(Kind.OPENDIR, string(b"/")) == Code.FAILURE
    assert client.code(Kind.CLOSE, string(first)) == Code.OK
    assert isinstance(client.open(b"/a", Flag.READ), bytes)


def test_an_unexpected_error_is_answered_without_its_details(client, caplog):
    async def explode(path, *, own_uploads=True):
        raise ZeroDivisionError("a secret detail")

    client.files.look, client.files.ready = explode, lambda: False
    _, _, body = client.ask(Kind.STAT, string(b"/a"))
    assert struct.unpack_from(">I", body)[0] == Code.FAILURE
    assert b"secret" not in body
    assert b"ZeroDivision" not in body
    assert "reference" in caplog.text


# --- OPEN's flags ---------------------------------------------------------------------------------------------------

W, R, C, T, X, A = Flag.WRITE, Flag.READ, Flag.CREAT, Flag.TRUNC, Flag.EXCL, Flag.APPEND


@pytest.mark.parametrize("flags", range(64))
def test_every_combination_of_flags_opens_or_is_refused_as_the_draft_says(flags):
    for there in (True, False):
        client = Client()
        client.send(INIT)
        if there:
            client.files.stored["/f"] = Stored(b"before")
        opened = client.open(b"/f", flags)
        writes = bool(flags & (W | A))
        if not writes and flags & (C | T | X):
            assert opened == Code.FAILURE
        elif not writes or not flags & C:
            assert isinstance(opened, bytes) if there else opened == Code.NO_SUCH_FILE
        elif flags & X and there:
            assert opened == Code.FAILURE
        else:
            assert isinstance(opened, bytes)
        if isinstance(opened, bytes) and writes:
            kept = b"before" if there and not flags & T else b""
            assert client.size(opened) == len(kept)
            assert client.write(opened, 0, b"NEW") == Code.OK
            expected = kept + b"NEW" if flags & A else b"NEW" + kept[3:]
            read = client.read(opened, 0, 100)
            assert read == (expected if flags & R else Code.PERMISSION_DENIED)
            assert client.code(Kind.CLOSE, string(opened)) == Code.OK
            assert client.files.stored["/f"].content == expected


def test_unknown_flags_are_malformed(client):
    assert client.open(b"/a", 0x40) == Code.BAD_MESSAGE


# --- reading and writing --------------------------------------------------------------------------------------------


def test_bytes_after_the_data_of_a_write_are_ignored_on_both_paths():
    for ready in (True, False):
        client = Client(MemoryFiles(ready=lambda ready=ready: ready))
        client.send(INIT)
        handle = client.open(b"/f", W | C | T)
        assert client.write(handle, 0, b"data", trailing=b"\0\0\0\0junk") == Code.OK
        assert client.code(Kind.CLOSE, string(handle)) == Code.OK
        assert client.files.stored["/f"].content == b"data"


def test_a_write_that_says_more_than_it_has_writes_nothing(client):
    handle = client.open(b"/f", W | C | T)
    assert client.code(Kind.WRITE, string(handle) + bytes(8) + struct.pack(">I", 10) + b"short") == Code.BAD_MESSAGE
    assert client.size(handle) == 0


def test_reading_and_writing_through_the_wrong_handle_is_refused(client):
    reading = client.open(b"/a", R)
    assert client.write(reading, 0, b"x") == Code.PERMISSION_DENIED
    assert client.code(Kind.FSETSTAT, string(reading) + attributes(size=1)) == Code.PERMISSION_DENIED
    writing = client.open(b"/b", W | C | T)
    assert client.read(writing, 0, 1) == Code.PERMISSION_DENIED


def test_a_read_gives_at_most_its_limit_and_the_end_is_said(client):
    client.files.stored["/big"] = Stored(bytes(300_000))
    handle = client.open(b"/big", R)
    assert len(client.read(handle, 0, 300_000)) == READ_BYTES_MAX
    assert len(client.read(handle, 299_990, 100)) == 10
    assert client.read(handle, 300_000, 1) == Code.EOF
    assert client.read(handle, 2**63, 1) == Code.EOF
    assert client.read(handle, 0, 0) == b""


def test_what_is_not_closed_is_suspended_and_never_published(client):
    handle = client.open(b"/new", W | C | T)
    client.write(handle, 0, b"half")
    asyncio.run(client.handles.let_go())
    assert client.files.uploads[-1].outcome == "suspended"
    assert "/new" not in client.files.stored
    assert len(client.handles) == 0


def test_the_size_of_a_file_being_written_is_seen_by_its_own_session(client):
    handle = client.open(b"/new", W | C | T)
    client.write(handle, 0, b"12345")
    kind, _, body = client.ask(Kind.STAT, string(b"/new"))
    assert kind == Kind.ATTRS
    assert struct.unpack_from(">Q", body, 4)[0] == 5


def test_times_set_while_writing_are_those_of_the_file_after_close(client):
    for by_path in (True, False):
        handle = client.open(b"/new", W | C | T)
        what = string(b"/new") if by_path else string(handle)
        assert client.code(Kind.SETSTAT if by_path else Kind.FSETSTAT, what + attributes(modified=86_400)) == Code.OK
        assert client.code(Kind.CLOSE, string(handle)) == Code.OK
        assert client.files.stored["/new"].modified.timestamp() == 86_400


def test_setstat_on_a_path_cuts_the_file_and_sets_its_time(client):
    assert client.code(Kind.SETSTAT, string(b"/a") + attributes(size=4, modified=1_000)) == Code.OK
    assert client.files.stored["/a"].content == b"0123"
    assert client.files.stored["/a"].modified.timestamp() == 1_000
    assert client.code(Kind.SETSTAT, string(b"/gone") + attributes(size=4)) == Code.NO_SUCH_FILE
    assert client.code(Kind.SETSTAT, string(b"/gone") + attributes()) == Code.NO_SUCH_FILE


def test_modes_and_owners_are_taken_quietly(client):
    chmod = struct.pack(">II", 4, 0o644)
    chown = struct.pack(">III", 2, 1000, 1000)
    assert client.code(Kind.SETSTAT, string(b"/a") + chmod) == Code.OK
    assert client.code(Kind.SETSTAT, string(b"/a") + chown) == Code.OK
    lsetstat = string(b"lsetstat@openssh.com") + string(b"/a") + chmod
    assert client.code(Kind.EXTENDED, lsetstat) == Code.OK


# --- folders and names ----------------------------------------------------------------------------------------------


def names_in(reply):
    kind, _, body = reply
    assert kind == Kind.NAME
    (how_many,) = struct.unpack_from(">I", body)
    at, found = 4, []
    for _ in range(how_many):
        for field in range(2):
            (length,) = struct.unpack_from(">I", body, at)
            if not field:
                found.append(body[at + 4 : at + 4 + length])
            at += 4 + length
        (flags,) = struct.unpack_from(">I", body, at)
        at += 4 + (28 if flags else 0)
    assert at == len(body)
    return found


def test_a_folder_is_listed_page_by_page_to_its_end(client):
    for index in range(500):
        client.files.stored[f"/file-{index:03}-{'n' * 100}"] = Stored(b"")
    _, _, body = client.ask(Kind.OPENDIR, string(b"/"))
    handle = body[4:]
    found = []
    while (reply := client.ask(Kind.READDIR, string(handle)))[0] == Kind.NAME:
        assert len(reply[2]) < 35_000
        found += names_in(reply)
    assert found == sorted(path[1:].encode() for path in client.files.stored)
    assert client.code(Kind.READDIR, string(handle)) == Code.EOF
    assert client.code(Kind.CLOSE, string(handle)) == Code.OK


def test_folders_are_made_and_removed_and_a_file_is_not_a_folder(client):
    assert client.code(Kind.MKDIR, string(b"/d") + attributes()) == Code.OK
    assert client.code(Kind.MKDIR, string(b"/d") + attributes()) == Code.FAILURE
    assert client.code(Kind.OPENDIR, string(b"/a")) == Code.NO_SUCH_FILE
    assert client.open(b"/d", R) == Code.FAILURE
    assert client.code(Kind.REMOVE, string(b"/d")) == Code.FAILURE
    assert client.code(Kind.RMDIR, string(b"/d")) == Code.OK


def test_rename_leaves_a_target_alone_and_posix_rename_replaces_it(client):
    client.files.stored["/b"] = Stored(b"old")
    assert client.code(Kind.RENAME, string(b"/a") + string(b"/b")) == Code.FAILURE
    assert client.files.stored["/b"].content == b"old"
    replace = string(b"posix-rename@openssh.com") + string(b"/a") + string(b"/b")
    assert client.code(Kind.EXTENDED, replace) == Code.OK
    assert client.files.stored["/b"].content == b"0123456789"
    assert "/a" not in client.files.stored


@pytest.mark.parametrize(
    ("given_path", "real"),
    [(b"", b"/"), (b".", b"/"), (b"..", b"/"), (b"/a/../../..", b"/"), (b"x//y/./z/", b"/x/y/z"), (b"/a/..", b"/")],
)
def test_realpath_folds_and_stays_below_the_root(client, given_path, real):
    assert names_in(client.ask(Kind.REALPATH, string(given_path))) == [real]


def test_extensions_about_paths(client):
    expand = string(b"expand-path@openssh.com")
    assert names_in(client.ask(Kind.EXTENDED, expand + string(b"~"))) == [b"/"]
    assert names_in(client.ask(Kind.EXTENDED, expand + string(b"~/in/../out"))) == [b"/out"]
    assert client.code(Kind.EXTENDED, expand + string(b"~root")) == Code.OP_UNSUPPORTED
    assert names_in(client.ask(Kind.EXTENDED, string(b"home-directory") + string(b""))) == [b"/"]


def test_limits_and_space_are_told(client):
    _, _, body = client.ask(Kind.EXTENDED, string(b"limits@openssh.com"))
    assert struct.unpack(">4Q", body) == (256 * 1024 + 1024, READ_BYTES_MAX, READ_BYTES_MAX, 1024)
    _, _, body = client.ask(Kind.EXTENDED, string(b"statvfs@openssh.com") + string(b"/"))
    assert struct.unpack(">11Q", body) == (4096, 4096, 256, 254, 254, 10, 7, 7, 0, 2, 255)
    handle = client.open(b"/a", R)
    _, _, again = client.ask(Kind.EXTENDED, string(b"fstatvfs@openssh.com") + string(handle))
    assert again == body


def test_fsync_flushes(client):
    handle = client.open(b"/f", W | C | T)
    assert client.code(Kind.EXTENDED, string(b"fsync@openssh.com") + string(handle)) == Code.OK
    assert client.files.uploads[-1].flushes == 1


def test_hardlink_and_unknown_extensions_are_unsupported(client):
    for name in (b"hardlink@openssh.com", b"md5-hash", b"", b"x" * 1000):
        assert client.code(Kind.EXTENDED, string(name) + string(b"/a") + string(b"/b")) == Code.OP_UNSUPPORTED


def test_copy_data_copies_ranges_and_whole_files(client):
    copy = string(b"copy-data")
    source = client.open(b"/a", R)
    target = client.open(b"/copy", R | W | C | T)
    body = string(source) + struct.pack(">QQ", 2, 5) + string(target) + struct.pack(">Q", 1)
    assert client.code(Kind.EXTENDED, copy + body) == Code.OK
    assert client.read(target, 0, 100) == b"\x0023456"
    body = string(source) + struct.pack(">QQ", 0, 0) + string(target) + struct.pack(">Q", 0)
    assert client.code(Kind.EXTENDED, copy + body) == Code.OK
    assert client.read(target, 0, 100) == b"0123456789"
    body = string(source) + struct.pack(">QQ", 2**63, 2**63) + string(target) + struct.pack(">Q", 0)
    assert client.code(Kind.EXTENDED, copy + body) == Code.OK
    same = string(target) + struct.pack(">QQ", 0, 0) + string(target) + struct.pack(">Q", 5)
    assert client.code(Kind.EXTENDED, copy + same) == Code.FAILURE


def test_check_file_hashes_the_whole_and_blocks(client):
    import hashlib

    content = bytes(range(256)) * 5
    client.files.stored["/h"] = Stored(content)
    head = string(b"check-file") + string(b"sha256")
    by_name = string(b"check-file-name") + string(b"/h") + string(b"md5,sha256")
    _, _, body = client.ask(Kind.EXTENDED, by_name + struct.pack(">QQI", 0, 0, 0))
    assert body == head + hashlib.sha256(content).digest()
    _, _, body = client.ask(Kind.EXTENDED, by_name + struct.pack(">QQI", 100, 600, 256))
    parts = [content[100:356], content[356:612], content[612:700]]
    assert body == head + b"".join(hashlib.sha256(part).digest() for part in parts)
    handle = client.open(b"/h", R)
    by_handle = string(b"check-file-handle") + string(handle) + string(b"sha256")
    _, _, body = client.ask(Kind.EXTENDED, by_handle + struct.pack(">QQI", 5000, 10, 0))
    assert body == head + hashlib.sha256(b"").digest()
    assert client.code(Kind.EXTENDED, by_handle + struct.pack(">QQI", 0, 0, 100)) == Code.FAILURE
    weak = string(b"check-file-name") + string(b"/h") + string(b"md5") + bytes(20)
    assert client.code(Kind.EXTENDED, weak) == Code.OP_UNSUPPORTED


# --- properties -----------------------------------------------------------------------------------------------------

some_paths = st.sampled_from([b"/a", b"/b", b"/d", b"/d/x", b"/", b"../x", b""])
some_handles = st.integers(0, 5).map(lambda number: number.to_bytes(4, "big"))
some_bodies = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda path, rest: string(path) + rest, some_paths, st.binary(max_size=20)),
    st.builds(lambda path, flags: string(path) + struct.pack(">II", flags, 0), some_paths, st.integers(0, 63)),
    st.builds(lambda one, other: string(one) + string(other), some_paths, some_paths),
    st.builds(lambda name, rest: string(name) + rest, some_handles, st.binary(max_size=20)),
    st.builds(
        lambda name, offset, data: string(name) + struct.pack(">Q", offset) + string(data),
        some_handles,
        st.integers(0, 50),
        st.binary(max_size=30),
    ),
    st.builds(
        lambda name, at, n: string(name) + struct.pack(">QI", at, n),
        some_handles,
        st.integers(0, 60),
        st.integers(0, 99),
    ),
)
some_packets = st.lists(
    st.tuples(st.one_of(st.integers(3, 20), st.just(200), st.integers(2, 255)), some_bodies), max_size=25
)


def replies_to(stream, cuts, ready, replies_bytes_max):
    turns = count()
    files = MemoryFiles(ready=lambda: ready[next(turns) % len(ready)])
    files.stored["/a"] = Stored(b"0123456789")
    client = Client(files, replies_bytes_max=replies_bytes_max)
    client.send(INIT)
    client.replies.clear()
    at = 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        client.send(stream[at:cut])
        at = cut
    assert not client._kept
    return b"".join(client.replies), files


@settings(max_examples=tries(60), deadline=None)
@given(
    some_packets,
    st.lists(st.integers(0, 10_000), max_size=12),
    st.lists(st.booleans(), min_size=1, max_size=5),
    st.integers(1, 400),
)
def test_every_request_gets_one_reply_in_order_however_the_stream_is_cut(requests, cuts, ready, replies_bytes_max):
    stream = b"".join(packet(kind, number, body) for number, (kind, body) in enumerate(requests))
    whole, files = replies_to(stream, [], [True], 1 << 20)
    assert [number for _, number, _ in split(whole)] == list(range(len(requests)))
    cut, files_when_cut = replies_to(stream, cuts, ready, replies_bytes_max)
    assert cut == whole
    assert files.stored == files_when_cut.stored


class FileSemantics(RuleBasedStateMachine):
    """Random opens, writes, reads, resizes and closes against byte arrays."""

    handles = Bundle("handles")

    def __init__(self):
        super().__init__()
        turns = count()
        self.client = Client(MemoryFiles(ready=lambda: next(turns) % 3 != 0))
        self.client.send(INIT)
        self.published = {}
        self.writing = {}

    @rule(target=handles, path=st.sampled_from([b"/x", b"/y"]), cut=st.booleans(), appends=st.booleans())
    def open(self, path, cut, appends):
        flags = R | W | C | (T if cut else 0) | (A if appends else 0)
        handle = self.client.open(path, flags)
        content = bytearray() if cut else bytearray(self.published.get(path, b""))
        self.writing[handle] = (path, content, appends)
        return handle

    @rule(handle=handles, offset=st.integers(0, 40), data=st.binary(max_size=20))
    def write(self, handle, offset, data):
        _, content, appends = self.writing[handle]
        assert self.client.write(handle, offset, data) == Code.OK
        at = len(content) if appends else offset
        if at > len(content):
            content += bytes(at - len(content))
        content[at : at + len(data)] = data

    @rule(handle=handles, size=st.integers(0, 50))
    def resize(self, handle, size):
        _, content, _ = self.writing[handle]
        assert self.client.code(Kind.FSETSTAT, string(handle) + attributes(size=size)) == Code.OK
        del content[size:]
        content += bytes(size - len(content))

    @rule(handle=handles, offset=st.integers(0, 60), length=st.integers(1, 60))
    def read(self, handle, offset, length):
        _, content, _ = self.writing[handle]
        expected = bytes(content[offset : offset + length])
        assert self.client.read(handle, offset, length) == (expected or Code.EOF)

    @rule(handle=consumes(handles))
    def close(self, handle):
        path, content, _ = self.writing.pop(handle)
        assert self.client.code(Kind.CLOSE, string(handle)) == Code.OK
        self.published[path] = bytes(content)

    @invariant()
    def only_what_was_closed_is_published(self):
        assert {path: stored.content for path, stored in self.client.files.stored.items()} == {
            path.decode(): content for path, content in self.published.items()
        }


FileSemantics.TestCase.settings = settings(max_examples=tries(15), stateful_step_count=20, deadline=None)
TestFileSemantics = FileSemantics.TestCase
