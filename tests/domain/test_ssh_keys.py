"""SSH public keys: what is read, what is refused, which signatures count."""

import base64
import subprocess
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from sealane.domain import ssh_keys
from sealane.operations.failures import SshKeyInvalid
from tests.domain.test_sign_in import blob_of, line_of, signature_of

ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {
    "ssh-ed25519": ED25519,
    "ecdsa-sha2-nistp256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-sha2-nistp384": ec.generate_private_key(ec.SECP384R1()),
    "rsa-sha2-256": RSA,
    "rsa-sha2-512": RSA,
}


def security_key(private, *, application=b"ssh:") -> bytes:
    raw = private.public_key().public_bytes_raw()
    return ssh_keys.string(ssh_keys.SK_ED25519) + ssh_keys.string(raw) + ssh_keys.string(application)


def touched(private, message, *, flags=1, counter=7, application=b"ssh:") -> bytes:
    """The signature of a security key (OpenSSH PROTOCOL.u2f)."""
    tail = bytes([flags]) + counter.to_bytes(4, "big")
    proof = private.sign(sha256(application).digest() + tail + sha256(message).digest())
    return ssh_keys.string(ssh_keys.SK_ED25519) + ssh_keys.string(proof) + tail


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_right_signature_counts_for_its_message_its_key_and_its_algorithm_alone(algorithm):
    key = KEYS[algorithm]
    signature = signature_of(key, b"message", algorithm)
    ask = {"blob": blob_of(key), "algorithm": algorithm, "signature": signature, "message": b"message"}
    assert ssh_keys.is_signed(**ask)
    assert not ssh_keys.is_signed(**ask | {"message": b"another"})
    assert not ssh_keys.is_signed(**ask | {"algorithm": "ssh-rsa"})
    for other, stranger in KEYS.items():
        if stranger is not key:
            assert not ssh_keys.is_signed(**ask | {"blob": blob_of(stranger)})
        if other != algorithm:
            assert not ssh_keys.is_signed(**ask | {"algorithm": other})


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_signature_that_is_cut_lengthened_or_altered_does_not_count(algorithm):
    key = KEYS[algorithm]
    signature = signature_of(key, b"message", algorithm)
    for cut in range(0, len(signature), 7):
        assert not ssh_keys.is_signed(
            blob=blob_of(key), algorithm=algorithm, signature=signature[:cut], message=b"message"
        )
    assert not ssh_keys.is_signed(
        blob=blob_of(key), algorithm=algorithm, signature=signature + b"\0", message=b"message"
    )
    for place in range(0, len(signature), 5):
        altered = bytearray(signature)
        altered[place] ^= 4
        assert not ssh_keys.is_signed(
            blob=blob_of(key), algorithm=algorithm, signature=bytes(altered), message=b"message"
        )


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"])
@pytest.mark.parametrize("said", ["ssh-rsa", "ssh-dss", "", ssh_keys.SK_ED25519.decode(), "rsa-sha2-256"])
def test_a_true_signature_under_the_name_of_another_algorithm_does_not_count(algorithm, said):
    key = KEYS[algorithm]
    true = signature_of(key, b"message", algorithm)
    proof = true[len(ssh_keys.string(algorithm.encode())) :]
    ask = {"blob": blob_of(key), "message": b"message"}
    assert ssh_keys.is_signed(signature=ssh_keys.string(algorithm.encode()) + proof, algorithm=algorithm, **ask)
    assert not ssh_keys.is_signed(signature=ssh_keys.string(said.encode()) + proof, algorithm=said, **ask)


def test_rsa_with_sha_1_never_counts():
    signature = signature_of(RSA, b"message", "ssh-rsa")
    for algorithm in ("ssh-rsa", "rsa-sha2-256"):
        assert not ssh_keys.is_signed(blob=blob_of(RSA), algorithm=algorithm, signature=signature, message=b"message")


def test_a_security_keys_signature_counts_only_with_its_user_present():
    ask = {"blob": security_key(ED25519), "algorithm": ssh_keys.SK_ED25519.decode(), "message": b"message"}
    assert ssh_keys.is_signed(signature=touched(ED25519, b"message"), **ask)
    assert not ssh_keys.is_signed(signature=touched(ED25519, b"message", flags=0), **ask)
    assert not ssh_keys.is_signed(signature=touched(ED25519, b"another"), **ask)
    assert not ssh_keys.is_signed(signature=touched(ED25519, b"message", application=b"other:"), **ask)


@given(st.binary(max_size=400), st.binary(max_size=200), st.text(max_size=30))
def test_nothing_a_client_sends_raises_or_counts(blob, signature, algorithm):
    assert not ssh_keys.is_signed(blob=blob, algorithm=algorithm, signature=signature, message=b"")
    assert not ssh_keys.is_signed(blob=blob_of(ED25519), algorithm=algorithm, signature=signature, message=b"")


@given(st.binary(max_size=300), st.sampled_from(list(KEYS)))
def test_a_blob_is_read_whole_or_not_at_all(tail, kind):
    blob = blob_of(KEYS[kind])
    for crooked in (blob + b"\0" + tail, blob[: len(blob) // 2], tail):
        if crooked != blob:
            with pytest.raises(SshKeyInvalid):
                ssh_keys.parse_blob(crooked)


@given(st.text(max_size=300))
def test_what_is_no_line_of_authorized_keys_is_refused(text):
    with pytest.raises(SshKeyInvalid):
        ssh_keys.parse_line(text)


@pytest.mark.parametrize(
    "line",
    [
        line_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        line_of(ec.generate_private_key(ec.SECP521R1())),
        'from="10.0.0.1" ' + line_of(ED25519),
        "ssh-rsa " + line_of(ED25519).split()[1],
        line_of(ED25519).split()[1],
        "ssh-dss " + base64.b64encode(ssh_keys.string(b"ssh-dss") + ssh_keys.string(b"\x01") * 4).decode(),
        "",
    ],
    ids=["rsa-1024", "p521", "with-options", "wrong-kind", "no-kind", "dss", "empty"],
)
def test_weak_unknown_and_qualified_keys_are_refused(line):
    with pytest.raises(SshKeyInvalid):
        ssh_keys.parse_line(line)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [("ed25519",), ("rsa", "-b", "2048"), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "384")])
def test_keys_and_fingerprints_are_those_of_openssh(kind, tmp_path):
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", *kind, "-N", "", "-C", "of anna", "-f", path], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True).stdout.split()
    key = ssh_keys.parse_line(path.with_suffix(".pub").read_text())
    assert (key.fingerprint, key.comment) == (shown[1], "of anna")
