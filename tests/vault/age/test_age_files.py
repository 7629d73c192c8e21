"""age files of ours: round trips, boundaries, resume, ranges, tampering, keys, and other people's tools."""

import subprocess

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from sealane.errors import SealaneError
from sealane.vault.age import armor, failures, files, header, keys, payload, streams, stretches, text
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.passphrase import Passphrase
from sealane.vault.age.ssh import SshIdentity, SshRecipient
from sealane.vault.age.x25519 import X25519Identity
from tests.peers import need
from tests.tries import tries

pytestmark = pytest.mark.slow  # together they take longer than make check may

SSH_BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))
CHUNK = payload.CHUNK_BYTES
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7]


def plain(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [X25519Identity, HybridIdentity])
def test_what_is_sealed_opens_for_its_recipient_and_for_nobody_else(kind, size):
    identity, stranger = kind.new(), kind.new()
    sealed = files.seal(plain(size), [identity.recipient()])
    assert files.open_sealed(sealed, [stranger, identity]) == plain(size)
    with pytest.raises(failures.NoIdentityMatches):
        files.open_sealed(sealed, [stranger])


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_reads_ours_and_we_read_pyrage(size):
    theirs = pyrage.x25519.Identity.generate()
    ours = keys.identity(str(theirs))
    recipient = keys.recipient(str(theirs.to_public()))
    assert str(recipient) == str(theirs.to_public())
    assert ours.text() == str(theirs)
    assert pyrage.decrypt(files.seal(plain(size), [recipient]), [theirs]) == plain(size)
    assert files.open_sealed(pyrage.encrypt(plain(size), [theirs.to_public()]), [ours]) == plain(size)


def test_pyrage_and_we_agree_on_ssh_keys_and_passphrases():
    key = Ed25519PrivateKey.generate()
    written = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    ours = SshIdentity.from_file(written)
    theirs = pyrage.ssh.Identity.from_buffer(written)
    line = str(ours.recipient())
    assert pyrage.decrypt(files.seal(b"by ssh key", [keys.recipient(line + " anna@clinic")]), [theirs]) == b"by ssh key"
    assert files.open_sealed(pyrage.encrypt(b"back", [pyrage.ssh.Recipient.from_str(line)]), [ours]) == b"back"
    assert pyrage.passphrase.decrypt(files.seal(b"p", [Passphrase("hush", work_factor=10)]), "hush") == b"p"


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, CHUNK, CHUNK + 1])
def test_debians_age_reads_ours_and_we_read_it(tmp_path, size):
    need("age")
    identity = X25519Identity.new()
    (tmp_path / "key").write_text(identity.text() + "\n")
    (tmp_path / "ours").write_bytes(files.seal(plain(size), [identity.recipient()]))
    done = subprocess.run(["age", "-d", "-i", tmp_path / "key", tmp_path / "ours"], capture_output=True, check=True)
    assert done.stdout == plain(size)
    for flags in ([], ["-a"]):
        command = ["age", *flags, "-r", str(identity.recipient())]
        theirs = subprocess.run(command, input=plain(size), capture_output=True, check=True).stdout
        assert files.open_sealed(theirs, [identity]) == plain(size)


def test_post_quantum_and_classic_recipients_do_not_share_a_file():
    with pytest.raises(failures.RecipientsMixed, match="age1pq"):
        files.seal(b"x", [X25519Identity.new().recipient(), HybridIdentity.new().recipient()])
    with pytest.raises(failures.RecipientsMixed):
        files.seal(b"x", [Passphrase("a", work_factor=2), Passphrase("b", work_factor=2)])
    with pytest.raises(failures.KeyInvalid):
        files.seal(b"x", [])


@given(st.lists(st.integers(0, 200_000), max_size=6), st.integers(0, 5))
@settings(max_examples=tries(25), deadline=None)
def test_a_seal_that_is_interrupted_goes_on_with_the_same_bytes(pieces, stop):
    whole = plain(sum(pieces))
    begun = files.begin([X25519Identity.new().recipient()])
    sealer = streams.Sealer(begun.payload)
    straight = sealer.update(whole) + sealer.finish()
    assert len(straight) == payload.sealed_length(len(whole))
    assert payload.plain_length(len(straight)) == len(whole)
    first = streams.Sealer(begun.payload)
    kept, taken = bytearray(), 0
    for piece in pieces[:stop]:
        kept += first.update(whole[taken : taken + piece])
        taken += piece
    again = streams.Sealer(begun.payload, next_chunk=first.next_chunk)
    kept += again.update(whole[first.next_chunk * CHUNK :]) + again.finish()
    assert kept == straight


@given(st.integers(0, 3 * CHUNK + 5), st.data())
@settings(max_examples=tries(40), deadline=None)
def test_a_range_is_what_the_whole_has_there(size, data):
    whole = plain(size)
    begun = files.begin([X25519Identity.new().recipient()])
    sealer = streams.Sealer(begun.payload)
    sealed = bytes(sealer.update(whole) + sealer.finish())
    reader = payload.RangeReader(begun.payload, lambda at, length: sealed[at : at + length], len(sealed))
    offset, length = data.draw(st.integers(0, size + 10)), data.draw(st.integers(0, size + 10))
    assert reader.length == size
    assert reader.read(offset, length) == whole[offset : offset + length]


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK])
def test_a_range_ends_where_the_file_does_and_the_end_is_proved_before_anything_is_read(size):
    begun = files.begin([X25519Identity.new().recipient()])
    sealed = bytes(stretches.seal(begun.payload, 0, plain(size), last=True))
    asked = []

    def read(at, length):
        asked.append(at)
        return sealed[at : at + length]

    reader = payload.RangeReader(begun.payload, read, len(sealed))
    assert asked == [max(0, len(sealed) - CHUNK - 16)]
    for offset in (0, size - 1, size, size + 1):
        assert reader.read(max(0, offset), 2) == plain(size)[max(0, offset) :][:2]
    cut = bytes(stretches.seal(begun.payload, 0, plain(2 * CHUNK), last=True))[: CHUNK + 16]
    with pytest.raises(failures.PayloadDamaged):
        payload.RangeReader(begun.payload, lambda at, length: cut[at : at + length], len(cut))


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_source_that_gives_too_little_of_a_chunk_is_damage(length):
    begun = files.begin([X25519Identity.new().recipient()])
    with pytest.raises(failures.PayloadDamaged):
        payload.RangeReader(begun.payload, lambda _at, _wanted: bytes(length), 17)


@pytest.mark.parametrize("size", [1, CHUNK, 2 * CHUNK + 9])
def test_no_cut_no_flip_and_no_exchange_goes_unnoticed(size):
    identity = X25519Identity.new()
    sealed = files.seal(plain(size), [identity.recipient()])
    for cut in {len(sealed) - 1, len(sealed) - 16, len(sealed) // 2, len(sealed) - CHUNK - 16} - {0}:
        if 0 < cut < len(sealed):
            with pytest.raises((failures.PayloadDamaged, failures.HeaderInvalid)):
                files.open_sealed(sealed[:cut], [identity])
    for place in range(0, len(sealed), max(1, len(sealed) // 300)):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        with pytest.raises(SealaneError):
            files.open_sealed(bytes(flipped), [identity])
    with pytest.raises(failures.PayloadDamaged):
        files.open_sealed(sealed + b"\0", [identity])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header_or_a_clear_failure(data):
    try:
        parsed, length = header.parse(b"age-encryption.org/v1\n" + data)
    except failures.HeaderInvalid:
        return
    assert (b"age-encryption.org/v1\n" + data)[:length] == parsed.written()


arguments = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
stanzas = st.builds(header.Stanza, st.lists(arguments, min_size=1, max_size=4).map(tuple), st.binary(max_size=120))


@given(st.lists(stanzas, min_size=1, max_size=5), st.binary(max_size=20), st.data())
def test_a_header_is_read_as_it_was_written_and_a_cut_one_is_said_to_be_cut(made, rest, data):
    written = header.make(made, bytes(16)).written()
    parsed, length = header.parse(written + rest)
    assert (parsed.stanzas, length, parsed.written()) == (tuple(made), len(written), written)
    parsed.verify(bytes(16))
    with pytest.raises(failures.HeaderForged):
        parsed.verify(b"\1" * 16)
    with pytest.raises(failures.HeaderCut):
        header.parse(written[: data.draw(st.integers(0, len(written) - 1))])


@given(st.binary(max_size=500))
def test_armour_is_opened_as_it_was_closed(data):
    assert armor.open_armor(armor.enclose(data)) == data
    assert armor.open_armor(b"\n " + armor.enclose(data).replace(b"\n", b"\r\n") + b"\n\n") == data


@given(st.binary(max_size=60), st.sampled_from(["age", "age1pq", "AGE-SECRET-KEY-"]))
def test_keys_in_text_are_read_as_they_were_written(data, prefix):
    written = text.encode_bech32(prefix, data)
    assert text.decode_bech32(written) == (prefix, data)


@given(st.data())
def test_one_wrong_character_in_a_key_is_noticed(data):
    written = str(X25519Identity(bytes(range(32))).recipient())
    place = data.draw(st.integers(4, len(written) - 1))
    other = data.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l").filter(lambda c: c != written[place]))
    with pytest.raises(failures.KeyInvalid):
        keys.recipient(written[:place] + other + written[place + 1 :])


def test_an_identity_file_has_one_key_a_line_and_comments():
    one, two = X25519Identity.new(), HybridIdentity.new()
    found = keys.identities(f"# made today\n{one.text()}\n\n{two.text()}\n")
    assert [identity.text() for identity in found] == [one.text(), two.text()]
    with pytest.raises(failures.KeyInvalid):
        keys.identities("password123")


@pytest.mark.parametrize("blob", [SSH_BLOB[:-1], SSH_BLOB + b"\0", b"\0" + SSH_BLOB])
def test_an_ssh_key_of_another_length_is_no_recipient(blob):
    with pytest.raises(failures.KeyInvalid):
        SshRecipient(blob)
