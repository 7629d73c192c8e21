"""`make bench-web`: sending from Chromium beside tus-js-client on the same server, and the first page.

    python -m bench.web [--mib 128] [--rounds 3] [--files 10000]

Prints a table. Speeds depend on what else the machine does, so each round measures all one after another, and the
ratios of a round and the CPU seconds are what counts. Memory: `bench.web_memory`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import web_table
from scripts import web_assets
from sealane.vault.age.hybrid import HybridIdentity
from tests.peers import chromium
from tests.running_server import RunningServer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Route

MIB = 1 << 20
TUS_JS = "tus-js-client@4.3.1"
Way = Callable[["Page", str, Path], Awaitable[float]]
THROTTLE = 4
IN_JAVASCRIPT = "ours, sealed by JavaScript"
PART_BYTES = 16 * MIB
IDLE_SECONDS_MAX = 300
IDLE_CPU_SECONDS = 0.1
"""In a second: less than this is rest."""
TRANSFER_MS_MAX = 3_600_000
_SEND_BY_TUS_JS = """
([path, token, chunkSize]) => new Promise((done, failed) => {
  const began = performance.now()
  new tus.Upload(document.querySelector("#bench").files[0], {
    endpoint: "/api/v1/uploads", chunkSize, retryDelays: [], metadata: { path }, storeFingerprintForResuming: false,
    headers: { "Sealane-Form-Token": token }, onSuccess: () => done(performance.now() - began), onError: failed,
  }).start()
})
"""
_WATCH = """() => {
  const tray = document.getElementById("tray")
  document.addEventListener("change", () => { window.began = performance.now() }, { capture: true, once: true })
  const ended = () => { if (tray.querySelector("li.done, li.failed")) window.ended ??= performance.now() }
  new MutationObserver(ended).observe(tray, { subtree: true, childList: true, attributes: true })
}"""
_TIMES = """() => {
  const page = performance.getEntriesByType("navigation")[0]
  const all = [page, ...performance.getEntriesByType("resource")]
  return [page.domContentLoadedEventEnd, all.reduce((sum, one) => sum + one.encodedBodySize, 0)]
}"""


async def sign_in(page: Page, password: str) -> None:
    """Sign in as anna."""
    await page.goto("/sign-in")
    await page.fill("[name=name]", "anna@clinic")
    await page.fill("[name=password]", password)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/files")


async def send(page: Page, folder: str, file: Path) -> float:
    """Send a file by our own program; return the seconds that it took."""
    await page.goto(f"/files/{folder}")
    await page.evaluate(_WATCH)
    await page.set_input_files("input[data-upload-to]", file)
    await page.wait_for_selector("#tray li.done, #tray li.failed", timeout=TRANSFER_MS_MAX)
    took = await page.evaluate("window.ended - window.began") / 1000
    assert await page.locator("#tray li.failed").count() == 0, await page.inner_text("#tray")
    return took


async def send_by_tus_js(page: Page, folder: str, file: Path) -> float:
    """Send a file by tus-js-client, in parts of the same length."""
    await page.goto("/account")
    source = (web_assets.package(TUS_JS) / "dist" / "tus.min.js").read_text()
    await page.evaluate(f"{{{source}\n}}; undefined")
    chooser = "Object.assign(document.createElement('input'), {type: 'file', id: 'bench'})"
    await page.evaluate(f"document.body.append({chooser})")
    await page.set_input_files("#bench", file)
    token = await page.get_attribute('meta[name="sealane-form-token"]', "content")
    return await page.evaluate(_SEND_BY_TUS_JS, [f"/{folder}/{file.name}", token, PART_BYTES]) / 1000


async def first_page(page: Page, password: str) -> tuple[float, float, float]:
    """Return how long the files page takes until its programs have run, slowed down; its bytes; the sign-in page's."""
    await page.goto("/sign-in")
    _, before = await page.evaluate(_TIMES)
    await sign_in(page, password)
    session = await page.context.new_cdp_session(page)
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await session.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    told = []
    for _ in range(5):
        await page.goto("/files/in")
        told.append(await page.evaluate(_TIMES))
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    await session.send("Network.setCacheDisabled", {"cacheDisabled": False})
    await session.detach()
    return statistics.median(time for time, _ in told), told[0][1], before


async def without_compiled(browser: Browser, url: str) -> Page:
    """Return a page whose sealing program may not run WebAssembly, as in a hardened browser: it falls back."""
    context = await browser.new_context(base_url=url)

    async def forbid(route: Route) -> None:
        told = await route.fetch()
        policy = told.headers["content-security-policy"].partition("; script-src")[0]
        await route.fulfill(response=told, headers=told.headers | {"content-security-policy": policy})

    await context.route("**/static/sealer-*.js", forbid)
    return await context.new_page()


def _spent() -> tuple[float, float]:
    """Return the CPU seconds of Chromium's processes below this one, and of the server's."""
    parents: dict[int, int] = {}
    spent: dict[int, tuple[str, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        parents[int(folder.name)] = int(fields[1])
        spent[int(folder.name)] = (name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    below = [one for process, one in spent.items() if process != os.getpid() and is_below(process, parents)]
    ours = [seconds for name, seconds in below if "chrom" in name]
    return sum(ours), sum(seconds for name, seconds in below if "chrom" not in name and "node" not in name)


async def _until_idle() -> None:
    """Wait until browser and server have next to nothing to do."""
    async with asyncio.timeout(IDLE_SECONDS_MAX):
        last = 0.0
        while (now := sum(_spent())) - last > IDLE_CPU_SECONDS:
            last = now
            await asyncio.sleep(1)


def is_below(process: int, parents: dict[int, int]) -> bool:
    """Return whether this process has started that one, or what has."""
    while process in parents and process != os.getpid():
        process = parents[process]
    return process == os.getpid()


async def _round(page: Page, way: Way, place: str, file: Path, size: int) -> tuple[float, float, float]:
    """Send a file of `size` MiB; return MiB a second, and what it cost: CPU seconds a GiB of browser and server.

    What the server does with a file afterwards (reading whose data is in it) is this file's cost, and takes no time from
    the next one.
    """
    before = _spent()
    took = await way(page, place, file)
    await _until_idle()
    browsers, servers = (after - one for after, one in zip(_spent(), before, strict=True))
    return size / took, browsers * 1024 / size, servers * 1024 / size


async def measure(folder: Path, words: Any) -> None:
    """Measure, and print."""
    with RunningServer.started(folder) as server:
        server.organization("clinic", "anna")
        server.folder_for("clinic:/in", "anna@clinic")
        password = server.password("anna@clinic")
        server.sealane("user", "recipient", "add", "anna@clinic", str(HybridIdentity.new().recipient()))
        server.sealane("folder", "add", "clinic:/records", "--sealed")
        server.sealane("folder", "grant", "clinic:/records", "anna@clinic", "--rights", "list,read,write,delete")
        url = f"http://127.0.0.1:{server.http_port}"
        async with chromium.started() as browser, chromium.opened(browser, url) as page:
            seconds, size, before = await first_page(page, password)
            plain_page = await without_compiled(browser, url)
            await sign_in(plain_page, password)
            print(f"first page (sign-in), compressed      {before / 1000:8.1f} kB")
            print(f"files page, compressed                {size / 1000:8.1f} kB")
            print(f"files page, its programs have run     {seconds:8.0f} ms  (CPU slowed down {THROTTLE} times)")
            rounds = []
            for number in range(words.rounds):
                file = folder / f"file-{number}.bin"
                file.write_bytes(os.urandom(MIB) * words.mib)
                rounds.append([])
                for name, (way, place) in WAYS.items():
                    used = plain_page if name == IN_JAVASCRIPT else page
                    rounds[-1].append(await _round(used, way, place, file, words.mib))
                file.unlink()
            for (name, _), told in zip(WAYS.items(), zip(*rounds, strict=True), strict=True):
                speed, browsers, servers = (statistics.median(one) for one in zip(*told, strict=True))
                ratio = statistics.median(one[0] / one_round[0][0] for one, one_round in zip(told, rounds, strict=True))
                print(
                    f"{name:27}{speed:8.1f} MiB/s ({ratio:4.2f} of tus-js-client), "
                    f"CPU seconds a GiB: browser {browsers:5.1f}, server {servers:5.1f}"
                )
            if words.files:
                server.folder_for("clinic:/many", "anna@clinic")
                await web_table.fill(server, server.token("anna@clinic"), "many", words.files)
                for throttle in (1, THROTTLE):
                    for felt in await web_table.feel(browser, page, "many", throttle):
                        print(felt)


WAYS = {
    "tus-js-client, plain": (send_by_tus_js, "in"),
    "ours, plain": (send, "in"),
    "ours, sealed": (send, "records"),
    IN_JAVASCRIPT: (send, "records"),
}


def main() -> None:
    """Measure in a folder that goes afterwards."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--mib", type=int, default=128, help="size of each file")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--files", type=int, default=0, help="open, scroll, sort and search a folder of so many files")
    with tempfile.TemporaryDirectory(prefix="sealane-bench-web-") as folder:
        asyncio.run(measure(Path(folder), words.parse_args()))


if __name__ == "__main__":
    main()
