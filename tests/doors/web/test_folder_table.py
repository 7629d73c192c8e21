"""The folder's table in a browser: as many rows as there are, the details beside it, moving about by keyboard alone."""

import dataclasses
import re

import pytest

from sealane.operations.browser import SignInAtPage
from sealane.operations.files import MakeFolder
from tests.doors.web.browsers import ONE_LOOP, browser, port  # noqa: F401  # fixtures
from tests.doors.web.conftest import PASSWORD, opened
from tests.doors.web.test_flows import sign_in
from tests.peers import chromium
from tests.peers.chromium import accessible

pytestmark = [pytest.mark.slow, ONE_LOOP]

WAIT_MS = 60_000
COUNT = 400
GROUP = 25
THERE_MAX = 10 * GROUP
"""Rows that may be laid out at once: what fits into three and a half windows, in groups."""
TO_THE_END = """() => new Promise((done) => {
  const most = [0, 0]
  const step = () => {
    scrollBy(0, 400)
    most[0] = Math.max(most[0], document.querySelectorAll("table.files tbody tr").length)
    most[1] += 1
    const ends = document.querySelector("table.files").getAttribute("aria-rowcount") !== "-1"
    const low = scrollY + innerHeight >= document.documentElement.scrollHeight - 2
    if (ends && low && document.querySelector("[aria-rowindex='%d']")) done(most)
    else requestAnimationFrame(step)
  }
  step()
})"""


def fill(house, count):
    """Put so many folders into one, without a request each."""
    door = house.keeper.door()
    anna = door.ask_now(SignInAtPage("anna@clinic", PASSWORD, "127.0.0.1")).signed.handle
    for number in range(count):
        door.ask_now(MakeFolder(anna, f"/in/scan-{number:04}"))


async def laid_out(session):
    """How often the page was laid out so far."""
    told = await session.send("Performance.getMetrics")
    return next(one["value"] for one in told["metrics"] if one["name"] == "LayoutCount")


async def test_a_table_of_many_rows_lays_out_a_few_of_them_and_forgets_none(browser, house):  # noqa: F811
    fill(house, COUNT)
    house.settings = dataclasses.replace(house.settings, page_entries_max=COUNT // 2)  # larger than one answer
    async with opened(house) as port, chromium.opened(browser, f"http://127.0.0.1:{port}") as page:  # noqa: F811
        page.set_default_timeout(WAIT_MS)
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/files/in")
        await accessible(page)
        await page.check("[aria-label='Select scan-0003']")
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        before = await laid_out(session)
        most, frames = await page.evaluate(TO_THE_END % (COUNT + 1))
        assert most <= THERE_MAX
        assert await laid_out(session) - before <= frames + 4 * COUNT / GROUP, "a frame is laid out more than once"
        assert await page.get_attribute("table.files", "aria-rowcount") == str(COUNT + 1)
        assert await page.locator("text=scan-0040").count() == 0
        assert await page.locator("text=scan-0003").count() > 0, "what has the focus stays"
        await page.check(f"[aria-label='Select scan-{COUNT - 1:04}']")
        await page.wait_for_selector("text=scan-0003", state="detached")
        await accessible(page, rules=["cat.aria", "cat.tables", "cat.structure"])

        # what is ticked is sent, there or away
        async with page.expect_request("**/archive/in") as asked:
            await page.click("#selection button")
        request = await asked.value
        assert sorted(re.findall(r"name=(scan-\d+)", request.post_data)) == ["scan-0003", f"scan-{COUNT - 1:04}"]
        await page.goto("/files/in?sort=name&order=down")
        assert await page.get_attribute("table.files", "aria-rowcount") == str(COUNT + 1)
        await page.locator("tr.more").scroll_into_view_if_needed()
        await page.wait_for_selector("[aria-rowindex='102']")
        await page.click("[aria-rowindex='102'] .name a")
        await page.wait_for_url(f"**/files/in/scan-{COUNT - 101:04}")
        await page.go_back()
        await page.wait_for_selector("h1:text-is('in')")
        await page.fill("#q", "0077")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("text=1 entry")


async def test_details_open_beside_the_table_and_shut_where_one_was(browser, port, house):  # noqa: F811
    headers = {"Authorization": f"Bearer {house.token('anna@clinic')}", "Cookie": ""}
    desk = {"width": 1280, "height": 860}
    async with chromium.opened(browser, f"http://127.0.0.1:{port}", viewport=desk) as page:
        page.set_default_timeout(WAIT_MS)
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        for name in ("one.txt", "two.txt"):
            for body in (b"before", b"after"):
                told = await page.request.put(f"/api/v1/content/in/{name}", data=body, headers=headers)
                assert told.status == 201
        await page.goto("/files/in")
        link = page.locator("a[href='/details/in/one.txt'].round")
        await link.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#drawer h2:focus >> text=one.txt")
        assert page.url.endswith("/files/in")
        assert await page.locator("#drawer .events >> nth=0 >> text=anna@clinic").count() == 1
        assert await page.locator("#drawer .events >> nth=1 >> li").count() == 2
        await accessible(page)
        await page.keyboard.press("Escape")
        assert not await page.is_visible("#drawer")
        assert await link.evaluate("one => one === document.activeElement")
        await page.locator("a[href='/details/in/two.txt'].round").click()
        await page.wait_for_selector("#drawer h2 >> text=two.txt")
        await page.click("#drawer a >> text=Everything about it")
        await page.wait_for_url("**/details/in/two.txt")
        await page.go_back()

        # where the server does not answer, the link is followed, and says so
        await page.route("**/details/in/one.txt*", lambda route: route.abort())
        await link.click()
        await page.wait_for_selector("#unreached")
        await page.unroute_all()
        await page.set_viewport_size({"width": 390, "height": 844})
        await link.click()
        await page.wait_for_url("**/details/in/one.txt")
