"""A person's click wins: over a table that shows what has arrived, over earlier clicks, over a line that broke."""

import asyncio
import contextlib

import pytest
from playwright.async_api import Error

from tests.doors.web.browsers import ONE_LOOP, browser, port  # noqa: F401  # fixtures
from tests.doors.web.test_flows import sign_in
from tests.peers import chromium

pytestmark = [pytest.mark.slow, ONE_LOOP]

WAIT_SECONDS = 60
FOLDER = "table.files .text:text-is('in')"
FILES = "nav.places a[href='/files']"


class Held:
    """Answers that the browser does not get yet."""

    def __init__(self, page):
        self._page = page
        self._routes = asyncio.Queue()

    async def hold(self, where, which):
        """Hold the answers to requests for `where` with these words in their head, and no others."""

        async def decide(route):
            if which.items() <= route.request.headers.items():
                self._routes.put_nowait(route)
            else:
                await route.fallback()

        await self._page.route(where, decide)

    async def one(self):
        """Wait until one is held."""
        return await asyncio.wait_for(self._routes.get(), WAIT_SECONDS)


async def let_go(route):
    """Let an answer come; whoever asked may not wait for it any more."""
    with contextlib.suppress(Error):
        await route.continue_()


async def center(page, selector):
    box = await page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def test_a_click_wins_over_the_table_that_shows_what_has_arrived(browser, port, tmp_path):  # noqa: F811
    files = []
    for number in range(4):
        files.append(tmp_path / f"scan-{number}.txt")
        files[-1].write_text("x")
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        page.set_default_timeout(WAIT_SECONDS * 1000)
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/files/in")
        await page.set_input_files("input[data-upload-to]", files[0])
        await page.wait_for_selector("table.files >> text=scan-0.txt")
        held = Held(page)
        await held.hold("**/files/in*", {"hx-target": "listing"})

        # asked for before the click, answered after it
        await page.set_input_files("input[data-upload-to]", files[1])
        refresh = await held.one()
        await page.click(FILES)
        await page.wait_for_url("**/files")
        await page.wait_for_selector(FOLDER)
        await let_go(refresh)

        # asked for before the button is pressed, answered while it is held
        await page.click(FOLDER)
        await page.wait_for_selector("table.files >> text=scan-1.txt")
        await page.set_input_files("input[data-upload-to]", files[2])
        refresh = await held.one()
        await page.mouse.move(*await center(page, "table.files .text:text-is('scan-1.txt')"))
        await page.mouse.down()
        await let_go(refresh)
        await page.mouse.up()
        await page.wait_for_url("**/details/in/scan-1.txt")

        # what is ticked stays ticked, and the person is told
        await page.go_back()
        await page.wait_for_selector("table.files >> text=scan-2.txt")
        await page.unroute_all()
        await page.check("[aria-label='Select scan-0.txt']")
        await page.set_input_files("input[data-upload-to]", files[3])
        await page.wait_for_selector("#arrived-note:visible")
        assert await page.is_checked("[aria-label='Select scan-0.txt']")
        await page.click("text=Show it")
        await page.wait_for_selector("table.files >> text=scan-3.txt")


async def test_the_latest_click_wins_and_one_that_reaches_no_server_is_not_lost(browser, port):  # noqa: F811
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        page.set_default_timeout(WAIT_SECONDS * 1000)
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        held = Held(page)
        await held.hold("**/sent", {"hx-boosted": "true"})
        await held.hold("**/account", {"hx-boosted": "true"})

        await page.click("nav.places a[href='/sent']")
        first = await held.one()
        await page.click(".self a[href='/account']")
        second = await held.one()
        await let_go(second)
        await page.wait_for_url("**/account")
        await let_go(first)
        await page.wait_for_selector("h1:text-is('Your account')")

        await page.unroute_all()
        await page.route("**/sent", lambda route: route.abort())
        await page.click("nav.places a[href='/sent']")
        await page.wait_for_selector("#unreached >> text=did not answer")
        await page.unroute_all()
        await page.click("#unreached button")
        await page.wait_for_url("**/sent")
        assert await page.locator("#unreached").count() == 0
