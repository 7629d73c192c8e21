"""Whole flows by keyboard alone: the Tab key reaches what is needed, what has the focus is seen, and no mouse moves."""

import asyncio

import pytest

from tests.doors.web.browsers import ONE_LOOP, browser, port  # noqa: F401  # fixtures
from tests.doors.web.by_keyboard import tab_to
from tests.doors.web.conftest import PASSWORD
from tests.peers import chromium

pytestmark = [pytest.mark.slow, ONE_LOOP]

WAIT_MS = 60_000
WAIT_SECONDS = WAIT_MS // 1000
PICKERS_OF_ITS_OWN = "delete window.showOpenFilePicker"
"""Chromium's own, which no test can answer; without it the page asks by its field, as in any other browser."""
DESK = {"width": 1280, "height": 860}


async def signed_in(page, name):
    await page.wait_for_selector("[name=name]:focus")
    await page.keyboard.type(name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/files")


async def chosen(page, button, what):
    """Press a button that asks for files, and answer."""
    choosing = asyncio.get_running_loop().create_future()
    page.once("filechooser", lambda chooser: choosing.set_result(chooser))  # noqa: PLW0108  # it takes no built-in
    await tab_to(page, button)
    await page.keyboard.press("Enter")
    await (await asyncio.wait_for(choosing, WAIT_SECONDS)).set_files(what)


async def pressed(page, selector, then):
    """Go to something by Tab, press it, and wait for what it leads to."""
    await tab_to(page, selector)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(then)


async def test_members_and_administrators_do_without_a_mouse(browser, port, tmp_path):  # noqa: F811
    async with chromium.opened(browser, f"http://127.0.0.1:{port}", viewport=DESK) as page:
        page.set_default_timeout(WAIT_MS)
        await page.add_init_script(PICKERS_OF_ITS_OWN)
        await page.goto("/sign-in")
        await signed_in(page, "anna")
        await files_and_folders_are_sent(page, tmp_path)
        await a_file_is_renamed_moved_deleted_and_had_back(page)
        await a_folder_is_sent_to_people(page)
        await pressed(page, "form[action='/sign-out'] button", "[action='/sign-in'] [name=name]")
        await signed_in(page, "root@clinic")
        await a_user_is_added_and_given_a_right(page)


async def files_and_folders_are_sent(page, tmp_path):
    (tmp_path / "list.csv").write_text("one\n")
    (tmp_path / "scans" / "inner").mkdir(parents=True)
    for path in ("scans/a.txt", "scans/inner/b.txt", "scans/inner/c.txt"):
        (tmp_path / path).write_text("x\n")
    await pressed(page, "table.files a[href='/files/in']", "h1:text-is('in')")
    assert await page.evaluate("document.activeElement.id") == "main", (
        "after a click the focus is where the new page begins"
    )
    await chosen(page, "[data-act=choose]", tmp_path / "list.csv")
    await page.wait_for_selector("table.files >> text=list.csv")
    await chosen(page, "[data-act=choose-folder]", tmp_path / "scans")
    await page.wait_for_selector("table.files >> text=scans")
    await pressed(page, "table.files a[href='/files/in/scans']", "table.files >> text=a.txt")
    await pressed(page, "table.files a[href='/files/in/scans/inner']", "table.files >> text=c.txt")
    assert await page.locator("table.files .name .text").all_inner_texts() == ["b.txt", "c.txt"]
    await pressed(page, ".crumbs a[href='/files/in']", "table.files >> text=list.csv")


async def a_file_is_renamed_moved_deleted_and_had_back(page):
    await pressed(page, "table.files .name a[href='/details/in/list.csv']", "form[action='/move/in/list.csv']")
    await tab_to(page, "form[action^='/move'] [name=name]")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("claims.csv")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("/in/scans")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:text-is('scans')")
    await pressed(page, "table.files .name a[href='/details/in/scans/claims.csv']", "form[action^='/move']")
    await pressed(page, "a[href='/remove/in/scans/claims.csv']", "h1:text-is('Delete?')")
    await pressed(page, "main button.danger", "form[action='/restore/in/scans/claims.csv']")
    assert await page.locator("table.files >> text=claims.csv").count() == 0
    await pressed(page, "form[action='/restore/in/scans/claims.csv'] button", "table.files >> text=claims.csv")


async def a_folder_is_sent_to_people(page):
    await pressed(page, "main a[href='/send/in/scans']", "form [name=mailboxes]")
    await tab_to(page, "form.card button.main")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("code.digest")


async def a_user_is_added_and_given_a_right(page):
    await pressed(page, "nav.places a[href='/admin']", "a[href='/admin/users']")
    await pressed(page, "a[href='/admin/users']", "details.wide-drop summary")
    await tab_to(page, "details.wide-drop summary")
    await page.keyboard.press("Enter")
    await tab_to(page, "details.wide-drop [name=name]")
    await page.keyboard.type("berta")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("code[data-absolute*='/welcome/']")
    await pressed(page, "a[href='/admin/folders']", "a[href='/admin/folder?folder=clinic%3A%2Fin']")
    await pressed(page, "a[href='/admin/folder?folder=clinic%3A%2Fin']", "#grantee")
    await tab_to(page, "#grantee")
    await page.keyboard.type("berta@clinic")
    await tab_to(page, "button[value=grant]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("th:text-is('berta@clinic')")
