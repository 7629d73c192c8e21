import pytest
from asyncssh.public_key import decode_ssh_public_key
from hypothesis import given
from hypothesis import strategies as st

from sealane.errors import Invalid
from sealane.keeper import host_keys
from sealane.keeper.host_keys import HostKeys
from sealane.operations.failures import AlgorithmUnknown

HASH = b"\x07" * 32
KEYS = host_keys.made(rsa_bits=2048)
OURS = HostKeys(KEYS)


def test_their_public_halves_are_what_ssh_clients_read():
    read = [decode_ssh_public_key(blob) for blob in OURS.blobs]
    assert [key.get_algorithm() for key in read] == ["ssh-ed25519", "ssh-rsa"]
    assert [key.get_fingerprint() for key in read] == [host_keys.fingerprint(blob) for blob in OURS.blobs]


@pytest.mark.parametrize(("algorithm", "number"), [("ssh-ed25519", 0), ("rsa-sha2-512", 1), ("rsa-sha2-256", 1)])
def test_their_signatures_are_what_ssh_clients_accept(algorithm, number):
    public = decode_ssh_public_key(OURS.blobs[number])
    signature = OURS.sign(algorithm, HASH)
    assert public.verify(HASH, signature)
    assert not public.verify(HASH[:-1] + b"\x00", signature)


@pytest.mark.parametrize("algorithm", ["ssh-rsa", "ssh-dss", "", "ecdsa-sha2-nistp256", "rsa-sha2-1"])
def test_nothing_is_signed_by_an_algorithm_that_is_not_offered(algorithm):
    with pytest.raises(AlgorithmUnknown):
        OURS.sign(algorithm, HASH)


def test_a_node_without_an_rsa_key_signs_with_none():
    only = HostKeys(host_keys.made(rsa_bits=0))
    assert len(only.blobs) == 1
    with pytest.raises(AlgorithmUnknown):
        only.sign("rsa-sha2-512", HASH)


@given(st.binary(max_size=80).filter(lambda raw: len(raw) not in {32, 48, 64}))
def test_nothing_but_an_exchange_hash_is_signed(raw):
    with pytest.raises(Invalid):
        OURS.sign("ssh-ed25519", raw)


def test_a_key_that_was_packed_is_the_same_key():
    again = HostKeys(host_keys.unpacked(host_keys.packed(key)) for key in KEYS)
    assert again.blobs == OURS.blobs
