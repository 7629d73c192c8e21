"""Passkeys, packages and requests at a real browser: one server and one Chromium for all, by keyboard where shown.

Every page that is opened here is held against WCAG 2.2 AA by axe, and whatever breaks the pages' own policy fails.
"""

import dataclasses
import email
import email.policy
import re

import pytest

from sealane.clock import Clock
from sealane.jobs.mailing import Mailing
from sealane.operations.accounts import AddFolder, GrantFolder
from sealane.operations.browser import NewSetupLink, SignInAtPage
from sealane.operations.files import ListFolder
from tests.doors.http.conftest import House
from tests.doors.web.conftest import PASSWORD, opened
from tests.doors.web.screenshots import PHONE
from tests.jobs.test_mailing import Postbox, serving
from tests.keeper_in_process import KeeperInProcess
from tests.peers import chromium
from tests.peers.chromium import accessible, with_an_authenticator

pytestmark = pytest.mark.slow


@pytest.fixture
def house(tmp_path, clinic):
    built = House(tmp_path / "data", clinic, smtp="127.0.0.1:25")
    built.keeper.admin(AddFolder("clinic:/back"))
    built.keeper.admin(GrantFolder("clinic:/back", "anna@clinic", ("list", "read", "write")))
    yield built
    built.close()


async def fits(page):
    """What is shown is accessible and no wider than a telephone."""
    await accessible(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def press(page, *keys):
    for key in keys:
        await page.keyboard.press(key)


async def test_passkeys_packages_and_requests(house):
    postbox = Postbox()
    async with opened(house, named=True) as port, chromium.started() as browser, serving(postbox) as smtp:
        given = {"smtp": f"127.0.0.1:{smtp}", "smtp_security": "none", "smtp_from": "files@clinic.example"}
        mailing = Mailing(house.keeper.jobs().ask, dataclasses.replace(house.settings, **given), Clock())

        async def mail():
            """What the only mail says that has come meanwhile."""
            assert await mailing.one_round() == 1
            _, _, envelope = postbox.got.pop()
            assert envelope.rcpt_tos == ["ada@partner.example"]
            return email.message_from_bytes(envelope.content, policy=email.policy.default).get_content()

        url = f"http://localhost:{port}"
        async with chromium.opened(browser, url, viewport=PHONE) as page:
            await with_an_authenticator(page)
            await page.goto("/sign-in")
            await page.fill("[name=name]", "anna@clinic")
            await page.fill("[name=password]", PASSWORD)
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/files")
            await a_passkey_is_added_and_signs_in(page)
            link = await a_package_is_sent_by_keyboard(page, mail)
            request = await files_are_asked_for(page)
        async with chromium.opened(browser, url, viewport=PHONE, locale="de-DE") as page:
            await the_package_is_opened(page, link, mail)
            await files_are_sent(page, request)
    assert any(entry.name.endswith("Ada Lovelace") for entry in await listed(house, "/in"))
    (answer,) = await listed(house, "/back")
    assert answer.name.endswith("ada@partner.example")
    assert [entry.name for entry in await listed(house, f"/back/{answer.name}")] == ["b.csv"]


async def test_the_first_administrator_may_begin_with_a_passkey(tmp_path):
    empty = tmp_path / "empty"
    KeeperInProcess(empty).close()
    house = House(tmp_path / "data", empty)
    address = f"/setup/{house.keeper.admin(NewSetupLink()).secret}"
    async with opened(house, named=True) as port, chromium.started() as browser:
        url = f"http://localhost:{port}"
        async with chromium.opened(browser, url, viewport=PHONE) as page:
            await with_an_authenticator(page)
            await page.goto(address)
            await page.click("a[href$='?with=passkey']")
            await page.wait_for_selector("form[data-passkey]")
            await fits(page)
            await page.fill("[name=organization]", "a b")
            await page.fill("[name=name]", "root")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("[data-said]:has-text('spaces')")
            await page.fill("[name=organization]", "clinic")
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/admin/recovery?step=first")
            await fits(page)
            await page.goto("/account")
            assert "first start" in await page.inner_text("main")
    house.close()


async def a_passkey_is_added_and_signs_in(page):
    await page.goto("/account")
    await page.fill("form[data-passkey] [name=name]", "telephone")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".keys strong")
    assert "telephone" in await page.inner_text("main")
    await fits(page)
    await page.goto("/prove?next=/sent")
    await accessible(page)
    await page.click("form[data-passkey] button")
    await page.wait_for_url(re.compile("^[^?]*/sent$"))  # and not the one that asks for it, and ends so too
    await page.goto("/files")
    await page.click('form[action="/sign-out"] button')
    await page.wait_for_url("**/sign-in**")
    await page.click("form[data-passkey] button")
    await page.wait_for_url("**/files")
    assert await page.get_attribute('.self a[href="/account"]', "title") == "anna@clinic"


async def a_package_is_sent_by_keyboard(page, mail):
    await page.goto("/files/in")
    await page.focus('a[href="/send/in"]')
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/send/in")
    await page.focus("[name=title]")
    await press(page, "ControlOrMeta+a")
    await page.keyboard.type("Claims")
    await press(page, "Tab")
    await page.keyboard.type("ada@partner.example")
    await press(page, "Tab")
    await page.keyboard.type("As agreed.")
    await press(page, "Tab", "Tab")
    await page.keyboard.type("/back")
    await press(page, "Tab", "Tab", "Tab", "Enter")
    await page.wait_for_selector(".note.good")
    await fits(page)
    await page.click('a[href^="/sent/"]')
    await page.wait_for_url(re.compile("/sent/[a-z0-9]+$"))
    await fits(page)
    return re.search(r"http://localhost:\d+/p/\S+", await mail())[0]


async def files_are_asked_for(page):
    await page.goto("/send/in?kind=request")
    await fits(page)
    await page.click("summary:has-text('Limits')")
    await page.fill("[name=files_max]", "3")
    await page.click("form.card button.main")
    shown = await page.inner_text("code.digest")
    await fits(page)
    await page.goto("/sent")
    await fits(page)
    return shown


async def the_package_is_opened(page, link, mail):
    await page.goto(link)
    assert "Dateien für Sie" in await page.inner_text("main")
    await fits(page)
    await page.keyboard.type("ada@partner.example")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[name=code]")
    await fits(page)
    await page.keyboard.type(re.search(r"\b\d{8}\b", await mail())[0])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/guest")
    await fits(page)
    await page.fill("[name=text]", "Danke.")
    await page.click('form[action="/guest/reply"] button')
    await page.wait_for_selector(".note.good")
    await fits(page)
    await page.set_input_files("input[data-upload-to]", {"name": "b.csv", "mimeType": "text/csv", "buffer": b"two\n"})
    await page.wait_for_selector("#tray li:has-text('Fertig')")


async def files_are_sent(page, link):
    await page.goto(link)
    await fits(page)
    await page.keyboard.press("Tab")
    await page.fill("[name=name]", "Ada Lovelace")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/guest")
    await page.set_input_files("input[data-upload-to]", {"name": "a.csv", "mimeType": "text/csv", "buffer": b"one\n"})
    await page.wait_for_selector("#tray li:has-text('Fertig')")
    await fits(page)
    await page.goto("/guest/files/share")
    assert "Ada Lovelace" not in await page.inner_text("main")


async def listed(house, path):
    door = house.keeper.door()
    handle = (await door.ask(SignInAtPage("anna@clinic", PASSWORD, "127.0.0.1"))).signed.handle
    return (await door.ask(ListFolder(handle, path))).entries
