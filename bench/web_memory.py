"""Chromium's memory while a file is sealed and sent, and while it is opened to a download: it must not grow with the file.

    python -m bench.web_memory [--mib 4096]

The file is sparse: its bytes cost no disk, and are read, hashed, sealed and sent as any others. Prints, for each eighth of
what was moved, the private memory of Chromium's processes less what they had before: of the one that has grown most, and
of all together. Beside them are temporary files: those that Chromium has on a file system in memory would be memory too.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.web import MIB, TRANSFER_MS_MAX, is_below, sign_in
from sealane.vault.age.hybrid import HybridIdentity
from tests.peers import chromium
from tests.running_server import RunningServer

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from playwright.async_api import Page

EIGHTHS = 8
LOOK_SECONDS = 0.5
_KINDS = ("Private_Dirty:", "Private_Clean:", "Swap:")
_MOVED = "Math.max(0, document.querySelector('#tray progress')?.position ?? 0)"
_DOWNLOADS_ONLY = "delete window.showSaveFilePicker"


def private() -> dict[int, tuple[str, int]]:
    """Return the kind and the private memory (and what of it is swapped), in bytes, of each Chromium process below this one."""
    parents: dict[int, int] = {}
    sizes: dict[int, tuple[str, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            process = int(folder.name)
            parents[process] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if "chrom" in (folder / "comm").read_text():
                command = (folder / "cmdline").read_bytes()
                _, _, kind = command.partition(b"--type=")
                lines = (folder / "smaps_rollup").read_text().splitlines()
                size = sum(int(line.split()[1]) for line in lines if line.startswith(_KINDS)) * 1024
                sizes[process] = (kind.partition(b"\0")[0].partition(b" ")[0].decode() or "browser", size)
        except (OSError, ValueError):
            continue  # it has ended meanwhile
    return {process: told for process, told in sizes.items() if is_below(process, parents)}


async def watched(what: str, page: Page, moving: Awaitable[None]) -> None:
    """Print how memory grows while something moves."""
    before = private()
    began = time.monotonic()
    task = asyncio.ensure_future(moving)
    most = dict.fromkeys(range(EIGHTHS), ("", 0, 0))
    while not task.done():
        share = await page.evaluate(_MOVED)
        now = private()
        grown = {process: size - before.get(process, ("", 0))[1] for process, (_, size) in now.items()}
        largest = max(grown, key=lambda process: grown[process])
        eighth = min(EIGHTHS - 1, int(share * EIGHTHS))
        most[eighth] = max(
            most[eighth], (now[largest][0], grown[largest], sum(grown.values())), key=lambda told: told[2]
        )
        await asyncio.wait([task], timeout=LOOK_SECONDS)
    await task
    print(f"{what}, {time.monotonic() - began:.0f} s")
    for eighth, (kind, largest, whole) in most.items():
        print(f"  eighth {eighth + 1}: most {largest / MIB:6.0f} MiB ({kind}), all {whole / MIB:6.0f} MiB", flush=True)


async def send(page: Page, file: Path) -> None:
    """Send a file sealed."""
    await page.set_input_files("input[data-upload-to]", file)
    await page.wait_for_selector("#tray li.done, #tray li.failed", timeout=TRANSFER_MS_MAX)
    assert await page.locator("#tray li.failed").count() == 0, await page.inner_text("#tray")


async def fetch(page: Page, key: Path, size: int) -> None:
    """Open it again, to a download."""
    await page.click("text=Open here")
    await page.set_input_files("#unlock-file", key)
    async with page.expect_download(timeout=TRANSFER_MS_MAX) as coming:
        await page.click("dialog button.main")
    path = await (await coming.value).path()
    assert path.stat().st_size == size


async def measure(folder: Path, mib: int) -> None:
    """Measure, and print."""
    identity = HybridIdentity.new()
    key = folder / "key.txt"
    key.write_text(f"{identity.text()}\n")
    file = folder / "sparse.bin"
    with file.open("wb") as sparse:
        sparse.truncate(mib * MIB)
    (folder / "node").mkdir()
    with RunningServer.started(folder / "node") as server:
        server.organization("clinic", "anna")
        password = server.password("anna@clinic")
        server.sealane("user", "recipient", "add", "anna@clinic", str(identity.recipient()))
        server.sealane("folder", "add", "clinic:/records", "--sealed")
        server.sealane("folder", "grant", "clinic:/records", "anna@clinic", "--rights", "list,read,write,delete")
        url = f"http://127.0.0.1:{server.http_port}"
        async with chromium.started() as browser, chromium.opened(browser, url) as page:
            await page.add_init_script(_DOWNLOADS_ONLY)
            await sign_in(page, password)
            await page.goto("/files/records")
            await watched(f"sealed and sent, {mib} MiB", page, send(page, file))
            await page.goto("/details/records/sparse.bin.age")
            await watched(f"fetched and opened, {mib} MiB", page, fetch(page, key, mib * MIB))


def main() -> None:
    """Measure in a folder that goes afterwards."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--mib", type=int, default=4096)
    with tempfile.TemporaryDirectory(prefix="sealane-bench-web-") as folder:
        asyncio.run(measure(Path(folder), words.parse_args().mib))


if __name__ == "__main__":
    main()
