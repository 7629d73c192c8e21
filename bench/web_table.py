"""Part of `make bench-web`: a folder of many files in its table, and what of it a person could feel.

A *long task* keeps the page from answering for more than 50 ms. Told are how many there are while the folder is opened,
scrolled through, sorted and searched, and the longest: by the CPU time of the page's thread (Chromium's own trace), so
that what else the machine does counts for little.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Browser, Page

    from tests.running_server import RunningServer

LONG_MS = 50
_AT_ONCE = 8
_SCROLL = """() => new Promise(done => {
  const ends = Date.now() + 120000
  const step = () => {
    scrollBy(0, 150)
    const more = document.querySelector("tbody[data-more]")
    if (more && Date.now() < ends) requestAnimationFrame(step)
    else done([document.querySelectorAll("table.files tbody tr").length,
               Number([...document.querySelectorAll("[aria-rowindex]")].at(-1).getAttribute("aria-rowindex"))])
  }
  requestAnimationFrame(step)
})"""


@dataclass(frozen=True, slots=True)
class Felt:
    """What a person could feel of one act."""

    act: str
    tasks: list[float]
    """Milliseconds of CPU of each task of the page's thread."""

    def __str__(self) -> str:
        """A line of the table."""
        count = sum(task > LONG_MS for task in self.tasks)
        longest, whole = max(self.tasks, default=0), sum(self.tasks)
        return f"{self.act:42}{count:4} long tasks, the longest {longest:5.0f} ms, all {whole:6.0f} ms of CPU"


async def fill(server: RunningServer, token: str, folder: str, count: int) -> None:
    """Put so many small files there."""
    limits = httpx.Limits(max_connections=_AT_ONCE)
    given = {
        "base_url": f"http://127.0.0.1:{server.http_port}",
        "headers": {"Authorization": f"Bearer {token}"},
        "limits": limits,
    }
    async with httpx.AsyncClient(timeout=60, trust_env=False, **given) as client:
        numbers = iter(range(count))

        async def put() -> None:
            for number in numbers:
                name = f"{number * 7919 % 100003:06} remittance advice of week {number % 53}.pdf"
                told = await client.put(f"/api/v1/content/{folder}/{name}", content=b"x" * (number % 97))
                told.raise_for_status()

        await asyncio.gather(*(put() for _ in range(_AT_ONCE)))


def _tasks(trace: bytes) -> list[float]:
    """Return the CPU milliseconds of each task of the busiest page's main thread."""
    events = json.loads(trace)["traceEvents"]
    mains = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    tasks: dict[tuple[int, int], list[float]] = {main: [] for main in mains}
    for one in events:
        main = (one["pid"], one["tid"])
        if main in mains and one["name"] == "RunTask" and "tdur" in one:
            tasks[main].append(one["tdur"] / 1000)
    return max(tasks.values(), key=sum)


async def feel(browser: Browser, page: Page, folder: str, throttle: int) -> list[Felt]:
    """Open, scroll, sort and search the folder, with the CPU slowed down so many times."""
    session = await page.context.new_cdp_session(page)
    await page.goto("/files")
    await session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    felt = []

    async def act(name: str, doing: Callable[[], Awaitable[Any]]) -> None:
        await browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline"])
        told = await doing()
        await page.wait_for_timeout(500)
        said = name + (told if isinstance(told, str) else "")
        felt.append(Felt(f"{said}, CPU slowed down {throttle}", _tasks(await browser.stop_tracing())))

    async def open_it() -> None:
        await page.click(f"table.files .text:text-is('{folder}')")
        await page.wait_for_selector("table.files >> text=remittance >> nth=0")

    async def scroll() -> str:
        rows, reached = await page.evaluate(_SCROLL)
        return f" to row {reached}, {rows} there"

    async def sort() -> None:
        await page.click("thead .size a")
        await page.wait_for_selector("th.size[aria-sort]")

    async def search() -> None:
        await page.fill("#q", "week 11")
        await page.press("#q", "Enter")
        await page.wait_for_url("**q=week*")
        await page.wait_for_selector("table.files >> text=week 11 >> nth=0")

    await act("opened", open_it)
    await act("scrolled", scroll)
    await act("back at the top", lambda: page.evaluate("scrollTo(0, 0)"))
    await act("sorted", sort)
    await act("searched", search)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    await session.detach()
    return felt
