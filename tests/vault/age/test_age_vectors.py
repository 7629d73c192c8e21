"""Every published vector of the age format: opened where it opens, refused for the reason where not."""

import hashlib
import zlib
from pathlib import Path

import pytest

from sealane.vault.age import armor, failures, files, keys, payload, streams
from sealane.vault.age.passphrase import Passphrase

VECTORS = sorted((Path(__file__).parent / "testkit").iterdir())


def outcome(data, identities, armored):
    """Return what became of a file and the plaintext that was given out before that was known."""
    opened = b""
    try:
        binary = armor.open_armor(data) if armored else data
        key, begins = files.open_prefix(binary, identities)
        opener = streams.Opener(key)
        opened += opener.update(binary[begins:])
        opened += opener.finish()
    except failures.ArmorInvalid:
        return "armor failure", opened
    except failures.NoIdentityMatches:
        return "no match", opened
    except failures.HeaderForged:
        return "HMAC failure", opened
    except failures.PayloadDamaged:
        return "payload failure", opened
    except (failures.HeaderInvalid, failures.VersionUnsupported):
        return "header failure", opened
    return "success", opened


def test_all_vectors_are_here():
    assert len(VECTORS) == 143


def read(path):
    """Return what a vector says, the identities that it gives, and the file."""
    head, _, data = path.read_bytes().partition(b"\n\n")
    says: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        name, _, value = line.partition(": ")
        says.setdefault(name, []).append(value)
    if "compressed" in says:
        data = zlib.decompress(data)
    identities = [keys.identity(text) for text in says.get("identity", [])]
    identities += [Passphrase(text) for text in says.get("passphrase", [])]
    return says, identities, data


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_a_published_vector_is_judged_as_published(path):
    says, identities, data = read(path)
    happened, opened = outcome(data, identities, "armored" in says)
    assert happened == says["expect"][0]
    if happened == "success":
        assert hashlib.sha256(opened).hexdigest() == says["payload"][0]
    else:
        # What was given out before the damage was found is whole chunks, never the piece that failed.
        assert len(opened) % payload.CHUNK_BYTES == 0
