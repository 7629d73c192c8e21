"""The header's parser under real headers that were altered: what it takes is canonical, what it refuses it names."""

import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sealane.vault.age import failures, header
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.passphrase import Passphrase
from sealane.vault.age.ssh import SshIdentity
from sealane.vault.age.x25519 import X25519Identity

KEY = secrets.token_bytes(16)
FOLDER = Path(__file__).parent / "testkit"


def whole_headers():
    """Headers of every type of ours, and every published one that is in clear."""
    crowd = [[X25519Identity.new()], [X25519Identity.new() for _ in range(3)], [HybridIdentity.new()]]
    for some in crowd:
        yield header.make([one.recipient().wrap(KEY) for one in some], KEY).written()
    yield header.make([Passphrase("x", work_factor=2).wrap(KEY)], KEY).written()
    for path in sorted(FOLDER.iterdir()):
        data = path.read_bytes().partition(b"\n\n")[2]
        if data.startswith(b"age-encryption.org/") and len(data) < 20_000:
            yield data


HEADERS = list(whole_headers())
PIECES = (
    b"\n",
    b" ",
    b"-> ",
    b"---",
    b"=",
    b"\r\n",
    b"\0",
    b"\xff",
    b"A",
    b"/",
    b"-> X25519 ",
    b"age-encryption.org/v1\n",
)


@st.composite
def altered(draw):
    """A header with some of its bytes cut, doubled, moved, replaced."""
    data = draw(st.sampled_from(HEADERS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 100)))
        how = draw(st.sampled_from(["cut", "double", "put", "flip", "move"]))
        if how == "cut":
            data = data[:start] + data[end:]
        elif how == "double":
            data = data[:end] + data[start:end] + data[end:]
        elif how == "put":
            data = data[:start] + draw(st.sampled_from(PIECES)) + data[start:]
        elif how == "flip" and start < len(data):
            data = data[:start] + bytes([data[start] ^ draw(st.integers(1, 255))]) + data[start + 1 :]
        elif how == "move":
            other = draw(st.integers(0, start))
            data = data[:other] + data[start:end] + data[other:start] + data[end:]
    return data


@given(altered())
def test_what_is_taken_is_canonical_and_everything_else_is_refused_by_name(data):
    try:
        parsed, length = header.parse(data)
    except (failures.HeaderInvalid, failures.VersionUnsupported):
        return
    assert data[:length] == parsed.written()
    assert data[:length].startswith(parsed.signed)
    assert 1 <= len(parsed.stanzas) <= header.STANZAS_MAX
    assert header.parse(data[:length]) == (parsed, length)


@given(altered())
def test_a_cut_is_told_apart_from_damage_only_where_more_could_help(data):
    try:
        header.parse(data)
    except failures.HeaderCut:
        with pytest.raises(failures.HeaderInvalid):
            header.parse(data + b"\xff\n" * 3)
    except (failures.HeaderInvalid, failures.VersionUnsupported):
        pass


def test_a_header_at_its_limits_is_taken_and_one_past_them_is_not():
    stanza = header.Stanza(("x",), b"")
    at = header.make([stanza] * header.STANZAS_MAX, KEY).written()
    assert len(header.parse(at)[0].stanzas) == header.STANZAS_MAX
    with pytest.raises(failures.HeaderInvalid):
        header.parse(header.make([stanza] * (header.STANZAS_MAX + 1), KEY).written())
    long = header.make([header.Stanza(("x", "y" * (header.HEADER_BYTES_MAX + 10)), b"")], KEY).written()
    with pytest.raises(failures.HeaderInvalid):
        header.parse(long)


def test_a_line_that_never_ends_is_refused_and_not_waited_for():
    begin = b"age-encryption.org/v1\n-> "
    with pytest.raises(failures.HeaderCut):
        header.parse(begin + b"x" * 1000)
    endless = begin + b"x" * (2 * header.HEADER_BYTES_MAX) + b"\n"
    with pytest.raises(failures.HeaderInvalid):
        header.parse(endless)


def new_ssh():
    return SshIdentity(Ed25519PrivateKey.generate())


@pytest.mark.parametrize("new", [X25519Identity.new, HybridIdentity.new, new_ssh])
@pytest.mark.parametrize("length", [31, 33])
def test_a_wrapped_key_of_another_length_is_refused_before_any_key_is_tried(new, length):
    """Also by whom it is not for: else one body could be made to open with many keys, and tell who has which."""
    identity = new()
    stanza = identity.recipient().wrap(KEY)
    cut = header.Stanza(stanza.arguments, (stanza.body * 2)[:length])
    for one in (identity, new()):
        with pytest.raises(failures.HeaderInvalid):
            one.unwrap([cut])


@pytest.mark.parametrize("argument", ["a\x7f", "a\t", "a\0b", "a\x1f"])
def test_an_argument_of_a_stanza_has_no_character_that_is_not_seen(argument):
    with pytest.raises(failures.HeaderInvalid):
        header.parse(header.make([header.Stanza(("x", argument), b"")], KEY).written())
