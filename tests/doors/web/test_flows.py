"""What people do at a real browser: Chromium before the pages, a real keeper behind them.

Every page that is opened here is held against WCAG 2.2 AA by axe, and whatever breaks the pages' own policy fails.
"""

import base64
import dataclasses
import hashlib
import re
import time

import pytest

from sealane.client import recovery
from sealane.domain import second_factor
from sealane.operations.administering import ListRecovery
from sealane.operations.browser import NewSetupLink
from tests.doors.http.conftest import House
from tests.doors.web.browsers import ONE_LOOP, browser, port  # noqa: F401  # fixtures
from tests.doors.web.conftest import PASSWORD, opened
from tests.doors.web.screenshots import PAGES, PHONE
from tests.doors.web.story import invent
from tests.keeper_in_process import KeeperInProcess
from tests.peers import chromium
from tests.peers.chromium import accessible

pytestmark = [pytest.mark.slow, ONE_LOOP]

MIB = 1 << 20


async def sign_in(page, name):
    await page.goto("/sign-in")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")


async def test_every_page_is_accessible_and_keeps_to_its_policy(browser, house):  # noqa: F811
    house.settings = dataclasses.replace(house.settings, web_page_rows=3)  # so that listings have several pages
    async with opened(house) as port, chromium.opened(browser, f"http://127.0.0.1:{port}", viewport=PHONE) as page:  # noqa: F811
        await page.goto("/sign-in")
        await accessible(page)
        await sign_in(page, "root@clinic")
        await page.wait_for_url("**/files")
        await invent(page, house)
        others = [
            "/files",
            "/prove",
            "/remove/in/returned",
            "/removed/in",
            "/admin/groups",
            "/admin/folders",
            "/admin/folders?start=3",
            "/admin/users?q=nothing",
            "/admin/organizations",
        ]
        wide = {}
        for address in (*PAGES.values(), *others, "/admin/sessions", "/programs"):
            await page.goto(address)
            await accessible(page)
            wide[address] = await page.evaluate("document.documentElement.scrollWidth")
        assert {address: pixels for address, pixels in wide.items() if pixels > PHONE["width"]} == {}
        await page.emulate_media(color_scheme="dark")
        for address in ("/files/in", "/admin", "/admin/user?user=anna@clinic", "/ledger"):
            await page.goto(address)
            await accessible(page, rules=["color-contrast"])


async def test_first_start_by_keyboard_alone_with_the_recovery_key_on_paper(browser, tmp_path):  # noqa: F811
    empty = tmp_path / "empty"
    KeeperInProcess(empty).close()
    house = House(tmp_path / "data", empty)
    secret = house.keeper.admin(NewSetupLink()).secret
    sent = []
    async with opened(house) as port, chromium.opened(browser, f"http://127.0.0.1:{port}") as page:  # noqa: F811
        page.on("request", lambda request: sent.append(request.post_data or ""))
        await page.goto(f"/setup/{secret}")
        await accessible(page)
        for text in ("clinic", "root", "root@clinic.test", PASSWORD, PASSWORD):
            await page.keyboard.type(text)
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/admin/recovery?step=first")
        await accessible(page)
        await page.focus("#make-recovery [type=radio]:checked")
        for key in ("Tab", "Tab", "Enter"):
            await page.keyboard.press(key)
        await page.wait_for_selector(".sheet >> nth=2")
        await accessible(page)
        sheets = [await sheet.locator("li").all_inner_texts() for sheet in await page.locator(".sheet").all()]
        recipient = await page.inner_text(".sheet [data-recipient] >> nth=0")
        await page.emulate_media(media="print")
        assert await page.is_visible(".sheet >> nth=0")
        assert not await page.is_visible("h1")
        assert not await page.is_visible("#add-recovery")
        await page.emulate_media(media="screen")
        place, number = map(int, re.findall(r"\d+", await page.inner_text("label[for=recovery-word]")))
        await page.fill("#recovery-word", "nonsense")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#add-recovery [data-said]:has-text('not the word')")
        await page.fill("#recovery-word", sheets[number - 1][place - 1].upper())
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/admin?said=saved")
        assert "still open" in await page.inner_text("main")
        await accessible(page)
        await page.goto(f"/setup/{secret}")
        assert "not valid any more" in await page.inner_text("main")
        await page.goto("/admin/recovery")
        await page.check("#make-recovery [name=classic]")
        await page.check("#make-recovery [value='1/1']")
        await page.click("#make-recovery button")
        await page.wait_for_selector(".sheet")
        classic = await page.inner_text(".sheet")
        classic_recipient = await page.inner_text(".sheet [data-recipient]")
        classic_words = " ".join(await page.locator(".sheet li").all_inner_texts())
    assert "keys recovery combine --classic" in classic
    assert str(recovery.identity_of([classic_words], classic=True).recipient()) == classic_recipient
    (row,) = house.keeper.admin(ListRecovery("clinic")).rows
    assert row.values[row.columns.index("recipient")] == recipient
    shares = [" ".join(words) for words in sheets]
    assert str(recovery.identity_of(shares[1:]).recipient()) == recipient
    assert not any(words[4] in data and words[20] in data for words in sheets for data in sent)
    house.close()


async def test_one_time_codes_from_setting_up_to_signing_in(browser, port, house):  # noqa: F811
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/account")
        await page.click("text=Set up")
        await page.wait_for_selector(".drawing svg")
        await accessible(page)
        secret = base64.b32decode((await page.inner_text(".drawing + p code")).replace(" ", ""))
        step = int(time.time()) // 30
        await page.fill("[name=code]", second_factor.code_at(secret, step))
        await page.click("text=Switch on")
        await page.wait_for_selector(".codes")
        await accessible(page)
        recovery = await page.inner_text(".codes li")
        await page.click("text=Sign out")
        await page.wait_for_url("**/sign-in?said=signed-out")
        await sign_in(page, "anna")
        await page.wait_for_selector("[name=code]")
        await accessible(page)
        await page.fill("[name=code]", recovery)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/files")


async def test_an_upload_goes_on_after_a_reload_and_survives_going_to_another_page(browser, port, house, tmp_path):  # noqa: F811
    content = hashlib.sha256(b"seed").digest() * (20 * MIB // 32)
    file = tmp_path / "large ö.bin"
    file.write_bytes(content)
    token = house.token("anna@clinic")
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/files/in")
        parts = []

        async def let_one_through(route):
            parts.append(route)
            await (route.continue_() if len(parts) == 1 else route.abort())

        await page.route(
            re.compile(r"/api/v1/uploads/"),
            lambda route: let_one_through(route) if route.request.method == "PATCH" else route.continue_(),
        )
        page.on("dialog", lambda dialog: dialog.accept())
        await page.set_input_files("input[data-upload-to]", file)
        await page.wait_for_selector("#tray .how:has-text('No connection')")
        await accessible(page)
        await page.reload()
        await page.wait_for_selector("#tray li.paused")
        await page.unroute_all()
        sent = []
        page.on(
            "request",
            lambda request: sent.append(request.headers.get("upload-offset")) if request.method == "PATCH" else None,
        )
        await page.set_input_files("input[data-upload-to]", file)
        await page.click("nav.places a[href='/files']")
        await page.wait_for_url("**/files")
        await page.wait_for_selector("#tray li.done")
        assert "0" not in sent
        assert sent
        told = await page.request.get(
            "/api/v1/content/in/large%20%C3%B6.bin", headers={"Authorization": f"Bearer {token}"}
        )
        assert hashlib.sha256(await told.body()).digest() == hashlib.sha256(content).digest()
        await page.goto("/files/in")
        assert "large ö.bin" in await page.inner_text("table.files")
        async with page.expect_download() as coming:
            await page.click("a[download]")
        path = await (await coming.value).path()
        assert path.stat().st_size == len(content)
