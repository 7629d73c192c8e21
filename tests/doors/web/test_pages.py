"""Pages as a browser without JavaScript meets them: signing in, files, forms of other sites, administration."""

import html
import re
from datetime import datetime, timedelta

import pytest

from sealane.doors.http.browser import COOKIE
from sealane.operations.accounts import DisableUser, ListTokens, ListUsers
from sealane.operations.browser import NewSetupLink
from tests.doors.http.conftest import House
from tests.doors.web.conftest import PASSWORD, Browser, opened
from tests.keeper_in_process import KeeperInProcess

pytestmark = pytest.mark.slow  # together they take longer than make check may


async def test_whoever_has_not_signed_in_is_led_to_the_sign_in_page_and_back(browser):
    page = await browser.get("/files/in?sort=size")
    assert page.status_code == 200
    assert "Sign in" in page.text
    assert COOKIE not in browser.cookies
    page = await browser.send("/sign-in", name="anna", password=PASSWORD, next="/files/in?sort=size")
    assert page.url.path == "/files/in"
    assert page.url.query == b"sort=size"
    assert "This folder is empty" in page.text
    assert COOKIE in browser.cookies


async def test_every_page_says_that_nothing_from_elsewhere_may_be_loaded(browser):
    await browser.sign_in("root@clinic")
    for address in ("/files", "/account", "/admin", "/ledger", "/no/such/page"):
        page = await browser.get(address)
        assert page.headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'"
        )
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page.text), address


async def test_a_wrong_password_is_told_in_the_page_and_sets_no_session(browser):
    page = await browser.sign_in("anna", "wrong password")
    assert page.status_code == 401
    assert "was not accepted" in page.text
    assert COOKIE not in browser.cookies


async def test_a_form_without_the_token_of_the_page_changes_nothing(browser, house):
    await browser.sign_in("root@clinic")
    await browser.get("/admin/users")
    for token in ("", "0" * 64, browser.token[:-1] + "x"):
        page = await browser.ask("POST", "/admin/users", data={"token": token, "name": "eve", "role": "admin"})
        assert page.status_code == 403
        assert "origin-refused" in page.text
    page = await browser.ask(
        "POST", "/admin/users", data={"token": "0" * 64, "name": "eve", "role": "admin"}, site="cross-site"
    )
    assert page.status_code == 403
    names = [row.values[0] for row in house.keeper.admin(ListUsers("clinic")).rows]
    assert "eve@clinic" not in names


async def test_another_site_may_lead_here_and_do_nothing_else(browser):
    await browser.sign_in("anna")
    led = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await browser.get("/files", site="cross-site", headers=led)).status_code == 200
    framed = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert (await browser.get("/files", site="cross-site", headers=framed)).status_code == 403
    assert (await browser.get("/files", site="cross-site", headers={"Sec-Fetch-Mode": "no-cors"})).status_code == 403


async def test_the_cookie_opens_the_api_only_to_our_own_pages(browser, port):
    await browser.sign_in("anna")
    await browser.get("/files/in")
    token = browser.token
    assert (await browser.get("/api/v1/me")).json()["user"] == "anna@clinic"
    assert (await browser.get("/api/v1/me", site="cross-site")).status_code == 403
    assert (await browser.ask("POST", "/api/v1/folders/in/new")).status_code == 403
    assert (
        await browser.ask("POST", "/api/v1/folders/in/new", headers={"Sealane-Form-Token": "0" * 64})
    ).status_code == 403
    made = await browser.ask("POST", "/api/v1/folders/in/new", headers={"Sealane-Form-Token": token})
    assert made.status_code == 201


async def test_files_are_listed_downloaded_renamed_and_removed_without_javascript(browser):
    await browser.sign_in("anna")
    await browser.get("/files/in")
    headers = {"Sealane-Form-Token": browser.token}
    name = "Ä <b>&\"' list.csv"
    address = "/in/%C3%84%20%3Cb%3E%26%22%27%20list.csv"
    put = await browser._client.put(
        f"/api/v1/content{address}",
        content=b"a,b\n1,2\n",
        headers=headers | {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}", "Sec-Fetch-Site": "same-origin"},
    )
    assert put.status_code == 201
    page = await browser.get("/files/in")
    assert "Ä &lt;b&gt;&amp;&#34;&#39; list.csv" in page.text
    assert name not in page.text
    page = await browser.get(f"/download{address}")
    assert page.content == b"a,b\n1,2\n"
    assert page.headers["content-disposition"].startswith("attachment")
    page = await browser.get(f"/details{address}")
    assert "8 B" in page.text
    assert "fetched" in page.text
    page = await browser.send(f"/move{address}", name="list.csv", folder="/in")
    assert "is now /in/list.csv." in page.text
    shown = str(page.url)
    old_name = html.unescape(re.search(r'name="name" value="([^"]+)"', page.text)[1])
    page = await browser.send("/move/in/list.csv", name=old_name, folder="/in")  # what its button Undo sends
    assert old_name == name
    assert f"<span>/in/list.csv is now /in/{name}.</span>" in html.unescape(page.text)
    assert "Undo" not in (await browser.get(shown.replace("was=", "was=x"))).text
    page = await browser.get(f"/details{address}")
    page = await browser.send(f"/move{address}", name="list.csv", folder="/in")
    await browser.get("/remove/in/list.csv")
    page = await browser.send("/remove/in/list.csv")
    assert "This folder is empty" in page.text
    note = re.search('name="note" value="([^"]+)"', page.text)[1]
    page = await browser.send("/restore/in/list.csv", note=note)
    assert "It is there again" in page.text
    page = await browser.send("/restore/in/list.csv", note=note)
    assert page.status_code == 404
    await browser.get("/remove/in/list.csv")
    await browser.send("/remove/in/list.csv")
    assert "This file was removed" in (await browser.get("/details/in/list.csv")).text
    assert (await browser.get("/details/in/never.csv")).status_code == 404


async def test_what_one_may_not_see_and_what_is_not_there_look_alike(browser):
    await browser.sign_in("anna")
    hidden, missing = await browser.get("/files/private"), await browser.get("/files/nothing")
    assert hidden.status_code == missing.status_code == 404
    without = [re.sub(r'value="[^"]*"', "", page.text) for page in (hidden, missing)]
    assert without[0] == without[1]


async def test_a_disabled_user_is_led_to_the_sign_in_page_at_once(browser, house):
    await browser.sign_in("anna")
    house.keeper.admin(DisableUser("anna@clinic"))
    page = await browser.get("/files/in")
    assert page.url.path == "/sign-in"
    assert COOKIE not in browser.cookies


async def test_members_have_no_administration_and_other_organizations_administrators_only_their_own(browser, port):
    await browser.sign_in("anna")
    assert (await browser.get("/admin/users")).status_code == 404
    assert (await browser.get("/ledger")).status_code == 404
    browser.cookies.clear()
    await browser.sign_in("ines@insurer")
    page = await browser.get("/admin/users?organization=clinic")
    assert page.status_code == 200
    assert "ines@insurer" in page.text
    assert "anna@clinic" not in page.text
    assert (await browser.get("/admin/user?user=anna@clinic")).status_code == 404
    assert (await browser.get("/admin/organizations")).status_code == 403
    await browser.get("/admin/users")
    page = await browser.send("/admin/user?user=anna@clinic", do="disable")
    assert page.status_code == 404


async def test_an_administrator_adds_a_user_who_sets_a_password_and_is_given_a_folder(browser, port):
    await browser.sign_in("root@clinic")
    await browser.get("/admin/users")
    page = await browser.send("/admin/users", name="carl", role="member", email="", organization="clinic")
    link = re.search(r"/welcome/[A-Za-z0-9_-]+", page.text)[0]
    page = await browser.get("/admin/folder?folder=clinic:/private")
    page = await browser.send(
        "/admin/folder?folder=clinic:/private", do="grant", grantee="carl@clinic", right="list", shown_as=""
    )
    assert "carl@clinic" in page.text
    browser.cookies.clear()
    page = await browser.get(link)
    assert "carl@clinic" in page.text
    page = await browser.send(link, password="short", again="short")
    assert page.status_code == 400
    page = await browser.send(link, password=PASSWORD, again=PASSWORD)
    assert "The password is set" in page.text
    assert (await browser.get(link)).status_code == 403
    page = await browser.sign_in("carl")
    assert "private" in page.text


async def test_a_token_ends_by_itself_unless_it_is_not_to(browser, house):
    await browser.sign_in("root@clinic")
    address = "/admin/user?user=anna@clinic"
    page = await browser.get(address)
    assert re.search(r'name="days"[^>]* value="365"', page.text)
    assert (await browser.send(address, do="token", scope="read", days="3651")).status_code == 400
    for days in ("30", ""):
        assert "The new token" in (await browser.send(address, do="token", scope="read", days=days)).text
    ends = [row.values[3] for row in house.keeper.admin(ListTokens("anna@clinic")).rows]
    assert ends[1] is None
    assert abs(datetime.fromisoformat(ends[0]) - house.keeper.clock.now() - timedelta(days=30)) < timedelta(hours=1)


async def test_the_ledger_names_the_person_who_administered(browser):
    await browser.sign_in("root@clinic")
    await browser.get("/admin/groups")
    await browser.send("/admin/groups", do="add", name="doctors", organization="clinic")
    page = await browser.get("/ledger?user=root@clinic")
    row = re.search(r"<code>group_added</code>.*?</tr>", page.text, re.DOTALL)[0]
    assert "root@clinic" in row
    assert "doctors@clinic" in row


async def test_pages_speak_the_language_of_the_browser(browser):
    browser.language = "de-CH, en;q=0.5"
    page = await browser.get("/sign-in")
    assert '<html lang="de">' in page.text
    assert "Anmelden" in page.text


async def test_settings_are_shown_to_who_runs_the_node_and_no_secret_is_among_them(port):
    for user, status in (("root@clinic", 200), ("ines@insurer", 404), ("anna@clinic", 404)):
        browser = Browser(port)
        await browser.sign_in(user)
        page = await browser.get("/admin/settings")
        assert page.status_code == status
        assert ("SEALANE_PUBLIC_URL" in page.text) == (status == 200)
        assert "PASSWORD_HASH" not in page.text
        assert "SMTP_PASSWORD" not in page.text
        await browser.close()


async def test_a_folders_quota_is_set_and_what_a_theft_would_reach_stands_beside_it(browser):
    await browser.sign_in("root@clinic")
    page = await browser.get("/admin/folder?folder=clinic:/in")
    assert "individuals at most" in page.text
    page = await browser.send("/admin/folder?folder=clinic:/in", do="quota", megabytes="7", files="")
    assert 'value="7"' in page.text
    wrong = await browser.send("/admin/folder?folder=clinic:/in", do="quota", megabytes="seven", files="")
    assert wrong.status_code == 400


async def test_earlier_versions_stand_on_a_files_page_and_are_had_back_there(browser, house):
    await browser.sign_in("anna")
    await browser.get("/files/in")
    sent = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}", "Sec-Fetch-Site": "same-origin"}
    for content in (b"the first\n", b"the second one\n"):
        put = await browser._client.put(
            "/api/v1/content/in/list.csv", content=content, headers=sent | {"Sealane-Form-Token": browser.token}
        )
        assert put.status_code == 201
    page = await browser.get("/details/in/list.csv")
    assert "Versions" in page.text
    (earlier,) = set(re.findall(r'/details/in/list\.csv\?version=([a-z0-9]+)"', page.text))
    assert (await browser.get(f"/download/in/list.csv?version={earlier}")).content == b"the first\n"
    page = await browser.get(f"/details/in/list.csv?version={earlier}")
    assert "This is an earlier version" in page.text
    assert "fetched" in page.text  # who opened it, and when
    page = await browser.send("/restore/in/list.csv", version=earlier)
    assert "It is there again" in page.text
    assert (await browser.get("/download/in/list.csv")).content == b"the first\n"
    await browser.get("/remove/in/list.csv")
    await browser.send("/remove/in/list.csv")
    page = await browser.get("/removed/in")
    assert "list.csv" in page.text
    page = await browser.get("/details/in/list.csv")
    assert "This file was removed" in page.text
    page = await browser.send("/restore/in/list.csv", version=earlier)
    assert "It is there again" in page.text
    page = await browser.send("/restore/in/list.csv", version="x" * 26)
    assert page.status_code == 404


async def test_a_version_whose_folder_is_gone_is_offered_to_be_restored_first_and_not_to_be_downloaded(browser, house):
    await browser.sign_in("anna")
    await browser.get("/files/in")
    sent = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}", "Sec-Fetch-Site": "same-origin"}
    sent["Sealane-Form-Token"] = browser.token
    await browser._client.post("/api/v1/folders/in/old", headers=sent)
    for content in (b"the first\n", b"the second one\n"):
        await browser._client.put("/api/v1/content/in/old/list.csv", content=content, headers=sent)
    for path in ("content/in/old/list.csv", "folders/in/old"):
        assert (await browser._client.delete(f"/api/v1/{path}", headers=sent)).is_success
    page = await browser.get("/details/in/old/list.csv")
    earlier = re.findall(r'/details/in/old/list\.csv\?version=([a-z0-9]+)"', page.text)
    assert len(earlier) == 2
    for address in ("/details/in/old/list.csv", f"/details/in/old/list.csv?version={earlier[1]}"):
        page = await browser.get(address)
        assert "Its folder was removed or moved" in page.text
        assert "restore first" in page.text
        assert "/download/" not in page.text
        assert "/restore/in/old/list.csv" in page.text
    page = await browser.send("/restore/in/old/list.csv", version=earlier[1])
    assert "It is there again" in page.text
    assert "Its folder was removed" not in page.text
    assert (await browser.get("/download/in/old/list.csv")).content == b"the first\n"
    assert (await browser.get(f"/download/in/old/list.csv?version={earlier[0]}")).content == b"the second one\n"


async def test_a_setting_is_changed_at_the_page_in_its_own_unit_and_stands_in_the_ledger(browser, house):
    await browser.sign_in("root@clinic")
    await browser.get("/admin/settings")
    page = await browser.send("/admin/settings", name="proof_seconds", value="20")
    assert page.url.path == "/admin/settings"
    assert "changed here" in page.text
    assert house.keeper.keeper.settings.proof_seconds == 20 * 60
    for value in ("61", "0", "", "many", "-1", "9" * 9):
        page = await browser.send("/admin/settings", name="proof_seconds", value=value)
        assert page.status_code == 400, value
    page = await browser.send("/admin/settings", name="workers", value="9")
    assert page.status_code == 404
    page = await browser.send("/admin/settings", name="proof_seconds", value="", do="reset")
    assert "changed here" not in page.text
    assert (await browser.get("/ledger?user=root@clinic")).text.count("<code>setting_changed</code>") == 2


async def test_an_organizations_quota_and_when_a_folder_shows_files_are_set_at_their_pages(browser, house):
    await browser.sign_in("root@clinic")
    await browser.get("/admin/organizations")
    page = await browser.send("/admin/organizations", do="quota", name="clinic", megabytes="7000", files="300")
    assert "7.00 GB" in page.text
    assert "300" in page.text
    page = await browser.get("/admin/folder?folder=clinic:/in")
    assert re.search(r'value="at-once" checked', page.text)
    page = await browser.send(
        "/admin/folder?folder=clinic:/in", do="reading", publish="after-reading", unread_minutes="45"
    )
    assert re.search(r'value="after-reading" checked', page.text)
    assert 'value="45"' in page.text


async def test_the_first_start_says_what_a_passkey_needs_and_offers_it_where_it_is_there(tmp_path):
    empty = tmp_path / "empty"
    KeeperInProcess(empty).close()
    house = House(tmp_path / "data", empty)
    address = f"/setup/{house.keeper.admin(NewSetupLink()).secret}"
    async with opened(house) as port:
        browser = Browser(port)
        page = await browser.get(address)
        assert "set SEALANE_PUBLIC_URL" in page.text
        assert "data-passkey" not in (await browser.get(f"{address}?with=passkey")).text
        page = await browser.send(f"{address}/passkey/begin", organization="clinic", name="root")
        assert page.json()["problem"]
        await browser.close()
    async with opened(house, named=True) as port:
        browser = Browser(port)
        await browser.get(f"{address}?with=passkey")
        page = await browser.send(f"{address}/passkey/begin", organization="a b", name="root")
        assert (page.status_code, "spaces" in page.json()["problem"]) == (400, True)
        await browser.get(f"{address}?with=passkey")
        page = await browser.send(f"{address}/passkey", organization="clinic", name="root", email="", response="{}")
        assert page.status_code in {400, 401, 403}
        assert 'value="clinic"' in page.text
        await browser.close()
    assert house.keeper.admin(ListUsers()).rows == ()
    house.close()


async def test_what_is_changed_at_the_page_doors_follow_without_a_restart(browser):
    await browser.sign_in("root@clinic")
    await browser.get("/admin/settings")
    assert "after a restart" not in browser.page.text
    for name, value in (("share_seconds_max", "30"), ("share_seconds", "7"), ("password_characters_min", "14"),
                        ("link_seconds", "48"), ("file_bytes_max", "5")):  # fmt: skip
        assert "Saved" in (await browser.send("/admin/settings", name=name, value=value)).text, name
    told = await browser.ask("OPTIONS", "/api/v1/uploads", headers={"Tus-Resumable": "1.0.0"})
    assert told.headers["tus-max-size"] == "5000000"
    await browser.get("/admin/users")
    page = await browser.send("/admin/users", name="dora", role="member", email="", organization="clinic")
    assert "2 days" in page.text
    browser.cookies.clear()
    await browser.sign_in("anna")
    page = await browser.get("/send/in")
    assert re.findall(r'<option value="(\d+)"', page.text) == ["1", "7", "14", "30"]
    assert '<option value="7" selected' in page.text
    assert 'minlength="14"' in page.text
    await browser.get("/files/in")
    headers = {"Sealane-Form-Token": browser.token, "Content-Type": "application/octet-stream"}
    put = await browser.ask("PUT", "/api/v1/content/in/large", data=b"x" * 5_000_001, headers=headers)
    assert (put.status_code, put.json()["code"]) == (413, "too-large")
