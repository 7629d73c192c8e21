"""`make screenshots`: the main pages as pictures, light and dark, desk and phone, into docs/screenshots/.

Everything on them is invented. Options: a folder to write to, and names of pages to take only those.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.doors.http.conftest import House
from tests.doors.web.conftest import PASSWORD, furnish
from tests.doors.web.conftest import opened as door_opened
from tests.doors.web.story import invent, link_to
from tests.keeper_in_process import hashing_quickly
from tests.peers import chromium

ROOT = Path(__file__).parent.parent.parent.parent
PAGES = {
    "files": "/files/in",
    "details": "/details/in/eligibility-2026-11.csv",
    "empty-folder": "/files/in/returned",
    "account": "/account",
    "first-steps": "/admin",
    "users": "/admin/users",
    "user": "/admin/user?user=anna@clinic",
    "folder-rights": "/admin/folder?folder=clinic:/in",
    "ledger": "/ledger?user=anna@clinic",
    "sealed-folder": "/files/in/records",
    "sealed-file": "/details/in/records/x-ray%2014%20Nov.dcm.age",
    "keys": "/keys",
    "error": "/files/nothing",
    "send": "/send/in",
    "sent": "/sent",
    "settings": "/admin/settings",
    "ledger-proof": "/ledger/proof",
    "recovery": "/admin/recovery",
}
GUESTS = {"guest-package": "package", "guest-request": "request"}
"""What somebody without an account sees, by which kind of link they came."""
DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
LOOKS = {
    "desk-light": {"viewport": DESK, "color_scheme": "light"},
    "desk-dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone-light": {"viewport": PHONE, "color_scheme": "light"},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
}


async def take(folder: Path, only: set[str]) -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory(prefix="web-screenshots-") as home, hashing_quickly():
        like = Path(home) / "like"
        like.mkdir()
        furnish(like)
        house = House(Path(home) / "data", like)
        async with door_opened(house) as port, chromium.started() as browser:
            url = f"http://127.0.0.1:{port}"
            for look, given in LOOKS.items():
                async with chromium.opened(browser, url, **given) as page:
                    await page.goto("/sign-in")
                    if "sign-in" in only or not only:
                        await page.screenshot(path=folder / f"sign-in-{look}.png")
                    await page.fill("[name=name]", "root@clinic")
                    await page.fill("[name=password]", PASSWORD)
                    await page.click("button.main")
                    await page.wait_for_url("**/files")
                    await invent(page, house)
                    for name in only & set(PAGES) or (() if only else PAGES):
                        await page.goto(PAGES[name])
                        await page.screenshot(path=folder / f"{name}-{look}.png")
                    if not only or "share" in only:
                        await page.goto("/sent")
                        await page.click("th.name a >> nth=-1")
                        await page.wait_for_selector("dl")
                        await page.screenshot(path=folder / f"share-{look}.png")
                    for name in only & set(GUESTS) or (() if only else GUESTS):
                        await page.goto(link_to(house, GUESTS[name]))
                        await page.click("button.main")
                        await page.wait_for_url("**/guest")
                        await page.screenshot(path=folder / f"{name}-{look}.png")
        house.close()


def main() -> None:
    """Write to docs/screenshots/, or to the folder that is named."""
    names = sys.argv[1:]
    folder = Path(names.pop(0)) if names and "/" in names[0] else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(folder, set(names)))


if __name__ == "__main__":
    main()
