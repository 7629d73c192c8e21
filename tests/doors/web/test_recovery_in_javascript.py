"""The words of a recovery key that the browser makes: SLIP-39 as its authors' own library reads it, run by Node."""

import itertools
import json
import subprocess

import pytest
from shamir_mnemonic import combine_mnemonics, generate_mnemonics

from scripts import web_assets
from sealane.client import recovery
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.text import decode_bech32
from sealane.vault.age.x25519 import X25519Identity
from tests.peers import missing

pytestmark = pytest.mark.slow

SPLITS = ((1, 1), (2, 2), (2, 3), (3, 5), (2, 16))
PROGRAM = """
import { newClassicIdentity, newIdentity, recipientOf, seedOf } from "./sealing/age"
import { secretOf, sharesOf } from "./sealing/slip39"
const hex = (bytes) => Buffer.from(bytes).toString("hex")
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"))
const { shared, read } = JSON.parse(require("fs").readFileSync(0, "utf8"))
const attempt = (act) => { try { return act() } catch (problem) { return String(problem) } }
void (async () => {
  const identity = await newIdentity()
  const classic = await newClassicIdentity()
  const told = {
    shared: shared.map(({ secret, needed, made }) => attempt(() => sharesOf(bytes(secret), needed, made))),
    read: read.map((shares) => attempt(() => hex(secretOf(shares)))),
    identity, seed: hex(seedOf(identity)), recipient: await recipientOf(identity),
    classic: { identity: classic, seed: hex(seedOf(classic)), recipient: await recipientOf(classic) },
  }
  console.log(JSON.stringify(told))
})()
"""
SECRETS = [bytes(range(32)), bytes(32), b"\xff" * 32, *(bytes([n, 255 - n]) * 16 for n in range(2))]
IMPOSSIBLE = ((0, 1), (1, 2), (3, 2), (2, 17))


def wrong(share):
    """The same words with one of them another one."""
    return [*share[:20], "academic" if share[20] != "academic" else "acid", *share[21:]]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """All that the program was asked, in one run."""
    try:
        esbuild = web_assets.package("@esbuild/linux-x64@0.28.2") / "bin" / "esbuild"
        with web_assets.modules() as folder:
            options = ["--bundle", "--platform=node", "--format=cjs", "--preserve-symlinks", "--log-level=error"]
            program = subprocess.run(
                [esbuild, *options],
                cwd=web_assets.WEB / "browser",
                env={"NODE_PATH": folder},
                input=PROGRAM.encode(),
                capture_output=True,
                check=True,
            ).stdout
    except web_assets.NotToBeHad as problem:
        missing(str(problem))
    theirs = [text.split() for text in generate_mnemonics(1, [(2, 3)], SECRETS[0])[0]]
    whole = generate_mnemonics(1, [(1, 1)], SECRETS[0])[0][0].split()
    asked = {
        "shared": [
            {"secret": secret.hex(), "needed": needed, "made": made}
            for secret, (needed, made) in [
                *zip(SECRETS, SPLITS, strict=True),
                *((SECRETS[0], one) for one in IMPOSSIBLE),
            ]
        ],
        "read": [theirs[:2], theirs[1:], [whole], [theirs[0], wrong(theirs[1])], [whole[:-1]]],
    }
    path = tmp_path_factory.mktemp("node") / "program.cjs"
    path.write_bytes(program)
    command = [web_assets.NODE, path]
    done = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, check=True)
    return json.loads(done.stdout)


def test_any_of_the_shares_that_are_needed_make_up_the_secret(told):
    for secret, (needed, made), shares in zip(SECRETS, SPLITS, told["shared"], strict=False):
        assert len(shares) == made
        assert all(len(share) == recovery.WORDS_A_SHARE for share in shares)
        texts = [" ".join(share) for share in shares]
        assert all(map(recovery.is_share, texts))
        for some in itertools.islice(itertools.combinations(texts, needed), 12):
            assert combine_mnemonics(some) == secret
        assert recovery.found_in("\n".join(texts)) == texts


def test_splits_that_mean_nothing_are_refused(told):
    assert all("cannot be shared so" in one for one in told["shared"][len(SECRETS) :])


def test_shares_of_the_reference_library_are_read_and_mistyped_ones_refused(told):
    assert told["read"][:3] == [SECRETS[0].hex()] * 3
    assert all("mistake" in one for one in told["read"][3:])


def test_the_seed_is_the_one_that_our_own_program_puts_together(told):
    assert decode_bech32(told["identity"])[1].hex() == told["seed"]
    split = recovery.Split(2, 3)
    identity = HybridIdentity.from_text(told["identity"])
    assert str(identity.recipient()) == told["recipient"]
    assert recovery.identity_of(recovery.shares_of(identity, split)[1:]).text() == identity.text()
    classic = X25519Identity(bytes.fromhex(told["classic"]["seed"]))
    assert (classic.text(), str(classic.recipient())) == (told["classic"]["identity"], told["classic"]["recipient"])
