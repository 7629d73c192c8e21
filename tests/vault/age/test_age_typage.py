"""npm's age-encryption reads what we write, and we read what it writes: both kinds of keys, a passphrase."""

import pytest

from sealane.vault.age import failures, files, keys
from sealane.vault.age.passphrase import Passphrase
from sealane.vault.age.payload import CHUNK_BYTES
from tests.peers import typage

pytestmark = pytest.mark.slow
PLAIN = bytes(range(251)) * (2 * CHUNK_BYTES // 251 + 1)


@pytest.fixture(scope="module", params=["classic", "hybrid"])
def theirs(request):
    return typage.make(request.param)


def test_their_keys_are_ours(theirs):
    identity, recipient = theirs
    ours = keys.identity(identity)
    assert (ours.text(), str(ours.recipient())) == (identity, recipient)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_each_opens_what_the_other_sealed(theirs, size):
    identity, recipient = theirs
    assert typage.open_sealed(files.seal(PLAIN[:size], [keys.recipient(recipient)]), identity=identity) == PLAIN[:size]
    assert files.open_sealed(typage.seal(PLAIN[:size], recipient), [keys.identity(identity)]) == PLAIN[:size]


def test_several_recipients_both_ways(theirs):
    identity, recipient = theirs
    ours = type(keys.identity(identity)).new()
    sealed = files.seal(b"both", [ours.recipient(), keys.recipient(recipient)])
    assert typage.open_sealed(sealed, identity=identity) == b"both"
    sealed = typage.seal(b"both", recipient, str(ours.recipient()))
    assert files.open_sealed(sealed, [ours]) == b"both"


def test_both_refuse_what_was_altered(theirs):
    identity, recipient = theirs
    for sealed in (files.seal(b"x" * 100, [keys.recipient(recipient)]), typage.seal(b"x" * 100, recipient)):
        altered = bytearray(sealed)
        altered[-1] ^= 1
        with pytest.raises(ValueError, match=r"."):
            typage.open_sealed(bytes(altered), identity=identity)
        with pytest.raises(failures.PayloadDamaged):
            files.open_sealed(bytes(altered), [keys.identity(identity)])


def test_they_open_what_we_sealed_with_a_passphrase():
    sealed = files.seal(b"p", [Passphrase("correct horse", work_factor=10)])
    assert typage.open_sealed(sealed, passphrase="correct horse") == b"p"
