"""The sealing program's own age code, run by Node: what it seals ours opens, and the other way round, at every edge.

All of it with both ciphers: noble's, and libsodium's compiled code."""

import base64
import hashlib
import itertools
import json
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scripts import web_assets
from sealane.vault.age import files
from sealane.vault.age.hybrid import HybridIdentity
from sealane.vault.age.ssh import SshIdentity
from sealane.vault.age.x25519 import X25519Identity
from tests.peers import missing

pytestmark = pytest.mark.slow

CHUNK = 64 * 1024
BODY = 128 * CHUNK
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5)
PROGRAM = """
import { begin, headerLength, openChunks, openHeader, payloadKey, sealChunks, joined } from "./sealing/age"
import { compiled, fastest, plain as javascript } from "./sealing/cipher"
import { Geometry } from "./sealing/geometry"
const text = (bytes) => Buffer.from(bytes).toString("base64")
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"))
const nothing = new Uint8Array(0)
const { seals, opens, digests, tails, cuts } = JSON.parse(require("fs").readFileSync(0, "utf8"))
async function sealed(cipher, { content, recipients }) {
  const plain = bytes(content), begun = await begin(recipients)
  const geometry = new Geometry(plain.length, begun.prefix.length)
  const pieces = []
  for (let place = 0; place < geometry.sealedSize; place += pieces.at(-1).length) {
    const { number, start, end, firstChunk, ends } = geometry.bodyAt(place)
    const key = payloadKey(begun.fileKey, begun.nonce)
    const before = number === 0 ? begun.prefix : nothing
    pieces.push(sealChunks(cipher, key, firstChunk, plain.subarray(start, end), ends, before))
  }
  return text(joined(pieces))
}
async function opened(cipher, { content, identity }) {
  const whole = bytes(content)
  try {
    const begins = headerLength(whole)
    const key = await openHeader(whole.subarray(0, begins), whole.subarray(begins, begins + 16), [identity])
    return text(openChunks(cipher, key, 0, whole.subarray(begins + 16), true))
  } catch (problem) { return problem.code ?? String(problem) }
}
/** Every length of a chunk up to this one: what of it the two ciphers do not do alike. */
function differing(one, other, longest) {
  const [key, nonce] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2)]
  const told = []
  for (let length = 0; length <= longest; length++) {
    const plain = Uint8Array.from({ length }, (_, at) => at * 7)
    const all = [one, other].map((cipher) => {
      const sealed = new Uint8Array(length + 16), back = new Uint8Array(length)
      cipher.seal(key, nonce, plain, sealed)
      const opens = cipher.open(key, nonce, sealed, back)
      sealed[length * 7 % (length + 16)] ^= 0x40
      const digest = cipher.digest()
      digest.update(plain)
      const damaged = cipher.open(key, nonce, sealed, new Uint8Array(length))
      return [text(sealed), opens, text(back), damaged, text(digest.end())].join()
    })
    if (all[0] !== all[1] || !all[0].includes("true") || !all[0].includes("false")) told.push(length)
  }
  return told
}
void (async () => {
  const told = { sealed: [], opened: [], digests: [], withoutCompiled: "", tails: [], cuts: [] }
  told.tails = tails === undefined ? [] : differing(await compiled(), javascript, tails)
  for (const [size, prefix] of cuts ?? []) {
    const geometry = new Geometry(size, prefix)
    const bodyOf = (_, number) => ({ ...geometry.body(number), part: geometry.partOf(number) })
    const bodies = Array.from({ length: geometry.bodies }, bodyOf)
    told.cuts.push({ sealedSize: geometry.sealedSize, parts: geometry.parts(), bodies })
  }
  for (const cipher of [javascript, await compiled()]) {
    for (const one of seals) told.sealed.push(await sealed(cipher, one))
    for (const one of opens) told.opened.push(await opened(cipher, one))
    for (const one of digests) {
      const digest = cipher.digest()
      for (const piece of one) digest.update(bytes(piece))
      told.digests.push(text(digest.end()))
    }
  }
  WebAssembly.instantiate = () => Promise.reject(new Error("refused by policy"))
  told.withoutCompiled = (await fastest()) === javascript ? "javascript" : "compiled"
  console.log(JSON.stringify(told))
})()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the program once for all that is asked."""
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

    path = tmp_path_factory.mktemp("node") / "program.cjs"
    path.write_bytes(program)

    def ask(**given):
        command = [web_assets.NODE, path]
        done = subprocess.run(
            command,
            input=json.dumps({"seals": [], "opens": [], "digests": []} | given).encode(),
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    return ask


def base64_of(content):
    return base64.b64encode(content).decode()


def content_of(size):
    return bytes(range(251)) * (size // 251) + b"x" * (size % 251)


def ssh_identity():
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return SshIdentity.from_file(text)


def test_what_it_seals_our_own_code_opens_at_every_edge_and_to_every_kind_of_key(run):
    hybrid, other, classic, ssh = HybridIdentity.new(), HybridIdentity.new(), X25519Identity.new(), ssh_identity()
    asked = [(size, (hybrid, other)) for size in SIZES] + [(70 * CHUNK, (classic, ssh))]
    seals = [
        {"content": base64_of(content_of(size)), "recipients": [str(one.recipient()) for one in identities]}
        for size, identities in asked
    ]
    told = run(seals=seals)["sealed"]
    for (size, identities), sealed in zip(asked * 2, told, strict=True):
        for identity in identities:
            assert files.open_sealed(base64.b64decode(sealed), [identity]) == content_of(size)


def test_it_opens_what_our_own_code_seals_and_refuses_what_is_damaged_cut_or_for_others(run):
    hybrid, classic = HybridIdentity.new(), X25519Identity.new()
    asked = [(files.seal(content_of(size), [hybrid.recipient()]), hybrid, content_of(size)) for size in SIZES]
    sealed = files.seal(content_of(2 * CHUNK + 9), [classic.recipient()])
    asked.append((sealed, classic, content_of(2 * CHUNK + 9)))
    refused = [
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), classic, "damaged"),
        (sealed[: -(9 + 16)], classic, "damaged"),
        (sealed + b"x", classic, "damaged"),
        (sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:], classic, None),
        (sealed, X25519Identity.new(), "no-identity"),
        (b"%PDF-1.7 and so on", classic, "not-age"),
    ]
    opens = [{"content": base64_of(one), "identity": identity.text()} for one, identity, _ in (*asked, *refused)]
    told = run(opens=opens)["opened"]
    for by_one in (told[: len(told) // 2], told[len(told) // 2 :]):
        for (_, _, content), plain in zip(asked, by_one, strict=False):
            assert base64.b64decode(plain) == content
        for (_, _, code), said in zip(refused, by_one[len(asked) :], strict=True):
            assert said == code or (code is None and said in {"damaged", "no-identity"})


def test_both_ciphers_do_the_same_at_every_length_of_a_tail(run):
    assert run(tails=600)["tails"] == []


def test_parts_and_bodies_cover_the_age_file_without_a_gap_and_are_not_too_many(run):
    prefix = 1234
    sizes = [0, 1, BODY, BODY + 1, 400 * BODY, 400 * BODY + 1, 10 << 30]
    for size, cut in zip(sizes, run(cuts=[(size, prefix) for size in sizes])["cuts"], strict=True):
        parts, bodies = cut["parts"], cut["bodies"]
        assert len(parts) <= 400
        assert [one["start"] for one in parts] + [cut["sealedSize"]] == [0] + [
            one["start"] + one["length"] for one in parts
        ]
        assert [one["at"] for one in bodies] + [cut["sealedSize"]] == [0] + [one["until"] for one in bodies]
        assert [one["start"] for one in bodies] + [size] == [0] + [one["end"] for one in bodies]
        assert [one["ends"] for one in bodies] == [False] * (len(bodies) - 1) + [True]
        assert cut["sealedSize"] == prefix + size + max(1, -(-size // CHUNK)) * 16
        for body in bodies:
            part = parts[body["part"]]
            assert part["start"] <= body["at"]
            assert body["until"] <= part["start"] + part["length"]


def test_its_digests_are_those_of_the_whole_however_it_is_cut(run):
    whole = content_of(3 * CHUNK + 5)
    cuts = [(0,), (1, 64), (CHUNK,), (CHUNK - 1, 2 * CHUNK + 1), (63, 64, 65, 3 * CHUNK)]
    digests = [[base64_of(whole[a:b]) for a, b in itertools.pairwise((0, *cut, len(whole)))] for cut in cuts]
    told = run(digests=digests)
    assert told["withoutCompiled"] == "javascript"
    assert told["digests"] == [base64_of(hashlib.sha256(whole).digest())] * (2 * len(cuts))
