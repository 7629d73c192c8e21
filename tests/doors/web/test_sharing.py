"""Sending and requesting on real pages, without JavaScript: what guests see, and what nobody else gets from them."""

import base64
import re

import pytest

from sealane.doors.http.browser import COOKIE, GUEST_COOKIE
from sealane.operations.sharing import LeaseMails
from tests.doors.http.conftest import House
from tests.doors.web.conftest import Browser, opened

pytestmark = pytest.mark.slow  # together they take longer than make check may


@pytest.fixture
def house(tmp_path, clinic):
    built = House(tmp_path / "data", clinic, smtp="127.0.0.1:25", public_url="https://files.example")
    yield built
    built.close()


async def send(browser, folder="/in", **given):
    await browser.get(f"/send{folder}?kind={given.get('kind', 'package')}")
    fields = {"kind": "package", "title": "Claims of May", "note": "<b>As agreed</b>", "days": "7"} | given
    return await browser.send(f"/send{folder}", **fields)


def link_in(page):
    return re.search(r"(/p/[\w-]{43})<", page.text)[1]


async def test_a_package_is_sent_proved_fetched_answered_and_recalled(house):
    jobs = house.keeper.jobs()
    async with opened(house) as port:
        anna, ada = Browser(port), Browser(port)
        await anna.sign_in("anna@clinic")
        token = house.token()
        await anna.ask(
            "PUT", "/api/v1/content/in/may%20claims.csv", data=b"one,two\n",
            headers={"Authorization": f"Bearer {token}", "Cookie": ""},
        )  # fmt: skip
        made = await send(anna, mailboxes="ada@partner.example, bob@partner.example")
        assert "2 links are on their way" in made.text
        letters = [mail.letter for mail in jobs.ask_now(LeaseMails()).mails]
        link = letters[0].link.removeprefix("https://files.example")
        page = await ada.get(link)
        assert "Claims of May" not in page.text + (await ada.get("/guest")).text
        assert "anna" not in page.text
        await ada.get(link)
        await ada.send(f"{link}/code", mailbox="ada@partner.example")
        (mail,) = jobs.ask_now(LeaseMails()).mails
        ticket = re.search(r'name="ticket" value="([^"]+)"', ada.page.text)[1]
        thief = Browser(port)
        await thief.get(link)
        stolen = await thief.send(f"{link}/enter", ticket=ticket, code=mail.letter.code)
        assert stolen.status_code == 401
        wrong = await ada.send(f"{link}/enter", ticket=ticket, code="12345678")
        assert wrong.status_code == 401
        inside = await ada.send(f"{link}/enter", ticket=ticket, code=mail.letter.code)
        assert "Claims of May" in inside.text
        assert "&lt;b&gt;As agreed" in inside.text
        assert "anna@clinic" in inside.text
        got = await ada.get("/guest/download/share/may%20claims.csv")
        assert (got.content, got.headers["content-disposition"][:10]) == (b"one,two\n", "attachment")
        part = await ada.get("/guest/download/share/may%20claims.csv", headers={"Range": "bytes=0-2"})
        assert (part.status_code, part.content) == (206, b"one")
        for elsewhere in ("/guest/download/in/may%20claims.csv", "/guest/download/private/x", "/guest/files/in"):
            assert (await ada.get(elsewhere)).status_code == 404
        led = await ada.get("/guest/download/share/may%20claims.csv", site="cross-site", follow=False)
        assert led.status_code == 403
        for members in ("/files", "/account", "/sent", "/admin"):
            assert (await ada.get(members, follow=False)).headers["location"].startswith("/sign-in")
        assert (await ada.get("/api/v1/folders/")).status_code == 401
        await ada.get("/guest")
        assert "Your reply is with the sender" in (await ada.send("/guest/reply", text="Thanks\n<i>!</i>")).text
        listed = await anna.get("/sent")
        assert "1 of 2" in listed.text
        share = re.search(r'href="(/sent/[a-z0-9]{20,})"', listed.text)[1]
        shown = await anna.get(share)
        assert "Thanks\n&lt;i&gt;" in shown.text
        assert "ada@partner.example" in shown.text
        assert "Recalled" in (await anna.send(f"{share}/recall")).text
        assert "Your visit has ended" in (await ada.get("/guest")).text
        assert "not valid any more" in (await ada.get(link)).text
        for one in (anna, ada, thief):
            await one.close()


async def test_a_request_link_takes_files_by_tus_with_its_own_cookie_beside_a_users(house):
    async with opened(house) as port:
        anna = Browser(port)
        await anna.sign_in("anna@clinic")
        link = link_in(await send(anna, kind="request", mailboxes="", files_max="1", endings=".csv", password=""))
        await anna.get(link)
        page = await anna.send(f"{link}/enter", name="Ada L.")
        assert 'data-upload-to="/share"' in page.text
        assert "may%20claims" not in page.text
        token = anna.token

        def begin(name, form_token=token):
            path = base64.b64encode(f"/share/{name}".encode()).decode()
            sent = {"Tus-Resumable": "1.0.0", "Upload-Length": "0", "Upload-Metadata": f"path {path}"}
            return anna.ask("POST", "/api/v1/uploads", headers=sent | {"Sealane-Form-Token": form_token})

        assert (await begin("a.exe")).json()["code"] == "name-unwanted"
        assert (await begin("a.csv")).status_code == 201
        assert (await begin("b.csv")).json()["code"] == "quota-exceeded"
        assert (await begin("c.csv", "0" * 64)).status_code == 403
        await anna.get("/files")  # still signed in as the user that they are
        assert (await begin("c.csv", anna.token)).status_code == 404
        folder = re.search(r'href="(/files/in/[^"]*Ada[^"]*)"', (await anna.get("/files/in")).text)[1]
        assert "a.csv" in (await anna.get(folder)).text
        swapped = Browser(port)  # a guest's session in a user's place is nobody's
        swapped.cookies[COOKIE] = anna.cookies[GUEST_COOKIE]
        for address in ("/files", "/account", "/sent"):
            assert (await swapped.get(address)).status_code == 403, address
        await swapped.close()
        await anna.get("/guest")
        assert "Your visit is closed" in (await anna.send("/guest/leave")).text
        assert (await anna.get("/files", follow=False)).status_code == 200
        await anna.close()


async def test_what_is_wrong_with_a_package_is_said_and_what_was_typed_stays(house):
    async with opened(house) as port:
        anna = Browser(port)
        await anna.sign_in("anna@clinic")
        page = await send(anna, mailboxes="ada", title="Kept")
        assert page.status_code == 400
        assert "not valid" in page.text
        assert 'value="Kept"' in page.text
        assert (await send(anna, downloads_max="many")).status_code == 400
        assert (await anna.get("/send/private")).status_code == 404
        link = link_in(await send(anna, mailboxes="", password="correct horse"))
        await anna.get(link)
        assert (await anna.send(f"{link}/enter", password="wrong")).status_code == 401
        assert "Claims of May" in (await anna.send(f"{link}/enter", password="correct horse")).text
        await anna.close()
