"""Every address of the pages, as an attacker would go through them: who is let in, by which method, with which proof.

The tables below name every route that changes something; a route that is in none of them fails here, so that whoever
adds one decides what it demands.
"""

import dataclasses
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from sealane.doors.web import application
from sealane.operations.accounts import AddToken, ListSessions
from sealane.operations.audit import ReadLedger
from sealane.operations.browser import SignInAtPage
from sealane.operations.sharing import MakeShare
from sealane.vault.age.hybrid import HybridIdentity
from tests.doors.web.conftest import PASSWORD, Browser

pytestmark = pytest.mark.slow

USER, FOLDER = "/admin/user?user=anna@clinic", "/admin/folder?folder=clinic:/in"
RECIPIENT = str(HybridIdentity.new().recipient())
ADMINISTERING = [
    ("/admin/users", {"name": "eve", "role": "admin", "organization": "clinic"}),
    (USER, {"do": "disable"}),
    (USER, {"do": "enable"}),
    (USER, {"do": "link"}),
    (USER, {"do": "role", "role": "admin"}),
    (USER, {"do": "second-factor"}),
    (USER, {"do": "token", "scope": "write"}),
    (USER, {"do": "revoke", "name": "NAME-OF-TOKEN"}),
    (USER, {"do": "key", "fingerprint": "SHA256:x"}),
    (USER, {"do": "session", "session": "SESSION"}),
    ("/admin/groups", {"do": "add", "name": "eves", "organization": "clinic"}),
    ("/admin/groups", {"do": "join", "group": "nurses@clinic", "user": "root@clinic"}),
    ("/admin/groups", {"do": "leave", "group": "nurses@clinic", "user": "anna@clinic"}),
    ("/admin/folders", {"path": "eve", "organization": "clinic"}),
    (FOLDER, {"do": "grant", "grantee": "ines@insurer", "right": "write"}),
    (FOLDER, {"do": "revoke", "grantee": "group:nurses@clinic"}),
    (FOLDER, {"do": "quota", "megabytes": "1"}),
    (FOLDER, {"do": "reading", "publish": "after-reading"}),
    ("/admin/organizations", {"do": "add", "name": "eve"}),
    ("/admin/organizations", {"do": "quota", "name": "clinic", "megabytes": "1"}),
    ("/admin/sessions", {"session": "SESSION", "organization": "clinic"}),
    ("/admin/recovery", {"do": "add", "recipient": RECIPIENT, "organization": "clinic"}),
    ("/admin/recovery", {"do": "remove", "recipient": RECIPIENT, "organization": "clinic"}),
    ("/admin/settings", {"name": "proof_seconds", "value": "5"}),
    ("/admin/settings", {"name": "proof_seconds", "do": "reset"}),
]
OWN = [
    ("/keys", {"do": "add", "recipient": RECIPIENT}),
    ("/account/code", {}),
    ("/account/code/off", {}),
    ("/account/passkeys/begin", {}),
    ("/account/passkeys/add", {"response": "{}", "name": "telephone"}),
    ("/account/passkeys/remove", {"passkey": "1"}),
]
WITHOUT_PROOF = {
    "/archive": "reads, by the rights of the person",
    "/archive/{path:path}": "likewise",
    "/new-folder": "can be undone",
    "/new-folder/{path:path}": "can be undone",
    "/remove/{path:path}": "can be undone",
    "/restore/{path:path}": "undoes",
    "/move/{path:path}": "can be undone",
    "/send/{path:path}": "what clerks do all day; it ends by itself, and is recalled",
    "/sent/{share}/recall": "takes away",
    "/sign-out": "takes away",
    "/prove": "is the proof",
    "/prove/passkey": "is the proof",
    "/prove/passkey/begin": "is the proof",
    "/account/session": "takes away",
    "/account/password": "asks for the password that one has",
    "/account/code/confirm": "asks for a code of the secret that was shown after a proof",
    "/account/passkeys/rename": "changes a name that only its owner sees",
    "/ledger/proof": "reads; one at a time",
}
OF_STRANGERS = {
    "/sign-in",
    "/sign-in/code",
    "/sign-in/passkey",
    "/sign-in/passkey/begin",
    "/setup/{secret}",
    "/setup/{secret}/passkey",
    "/setup/{secret}/passkey/begin",
    "/welcome/{secret}",
    "/language",
    "/p/{secret}/code",
    "/p/{secret}/enter",
}
HARMLESS = {"request_refused", "sign_in", "sign_in_refused", "session_ended", "strangers_refused"}
"""What a refused request leaves in the ledger."""


def address_of(route):
    """An address that a route is at."""
    for blank, filled in (("{path:path}", "in"), ("{secret}", "s" * 43), ("{share}", "x" * 32)):
        route = route.replace(blank, filled)
    return route


def changing(group):
    return {address: pages for address, pages in group if "POST" in pages}


def changes(house):
    """What the ledger says was changed."""
    bodies = [json.loads(entry.body) for entry in house.keeper.admin(ReadLedger(limit=2000)).entries]
    return [one["kind"] for one in bodies if one["kind"] not in HARMLESS]


@pytest.fixture
async def signed(port):
    """Make a browser in which somebody has signed in, with the form token of their pages."""
    made = []

    async def sign_in(name):
        browser = Browser(port)
        made.append(browser)
        await browser.sign_in(name)
        await browser.get("/account")
        browser.known = browser.token
        return browser

    yield sign_in
    for one in made:
        await one.close()


async def send(browser, address, fields, *, token=None, **given):
    data = {"token": browser.known if token is None else token, **fields}
    return await browser.ask("POST", address, data=data, follow=False, **given)


def test_every_route_that_changes_something_is_in_one_of_these_tables():
    demanding = {address.partition("?")[0] for address, _ in (*ADMINISTERING, *OWN)}
    assert set(changing(application._ADMINISTRATORS)) <= demanding
    assert set(changing(application._MEMBERS)) == (demanding | set(WITHOUT_PROOF)) - set(
        changing(application._ADMINISTRATORS)
    )
    assert set(changing(application._EVERYBODY)) == OF_STRANGERS
    assert set(changing(application._OF_SHARES)) == {"/guest/reply", "/guest/leave"}


async def test_whoever_has_not_signed_in_is_led_to_do_so_and_changes_nothing(browser, house):
    await browser.get("/sign-in")
    token, before = browser.token, changes(house)
    for route, pages in (*application._MEMBERS, *application._ADMINISTRATORS):
        for method in pages:
            data = {"token": token} if method == "POST" else None
            told = await browser.ask(method, address_of(route), data=data, follow=False)
            assert told.status_code == 303, (method, route)
            assert told.headers["location"].startswith("/sign-in"), (method, route)
    for route, pages in application._OF_SHARES:
        for method in pages:
            told = await browser.ask(method, address_of(route), data={"token": token}, follow=False)
            assert told.status_code == 403, (method, route)
    assert changes(house) == before


async def test_no_form_counts_without_the_pages_own_token_or_from_another_site(signed, house):
    browser = await signed("root@clinic")
    before = changes(house)
    everything = (*application._MEMBERS, *application._ADMINISTRATORS, *application._EVERYBODY)
    for route in changing(everything):
        address = address_of(route)
        if route != "/sign-in":  # whoever has signed in is led on
            told = await send(browser, address, {}, token="0" * 64)
            assert told.status_code == 403, route
            assert "origin-refused" in told.text, route
        told = await send(browser, address, {}, site="cross-site")
        assert told.status_code == 403, route
        told = await send(browser, address, {}, site="same-site")
        assert told.status_code == 403, route
    assert changes(house) == before


async def test_only_the_methods_that_are_meant_are_answered_and_nothing_is_shown_in_a_frame(signed):
    browser = await signed("root@clinic")
    framed = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    for route, pages in (*application._MEMBERS, *application._ADMINISTRATORS):
        address = address_of(route)
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(pages):
            told = await browser.ask(method, address, follow=False)
            assert told.status_code == 405, (method, route)
            assert set(pages) <= set(told.headers["allow"].split(", ")), route
        if "GET" in pages and route != "/download/{path:path}":
            told = await browser.ask("GET", address, site="cross-site", headers=framed, follow=False)
            assert told.status_code == 403, route


async def test_what_is_for_administrators_is_not_there_for_others(signed, house):
    browser = await signed("anna@clinic")
    before = changes(house)
    for route, pages in application._ADMINISTRATORS:
        for method in pages:
            data = {"token": browser.known} if method == "POST" else None
            told = await browser.ask(method, address_of(route), data=data, follow=False)
            assert told.status_code == 404, (method, route)
    for address, fields in ADMINISTERING:
        assert (await send(browser, address, fields)).status_code == 404, address
    assert changes(house) == before


def with_things_of_the_clinic(house):
    """What another's administrator would need the names of: a session and a token of anna's."""
    house.keeper.door().ask_now(SignInAtPage("anna@clinic", PASSWORD, "127.0.0.1"))
    house.keeper.admin(AddToken("anna@clinic", ("read",), None))
    told = house.keeper.admin(ListSessions(user="anna@clinic"))
    return {"session": str(told.rows[-1].values[told.rows[-1].columns.index("session")])}


async def test_an_administrator_of_another_organization_changes_nothing_here(signed, house):
    names = with_things_of_the_clinic(house)
    browser = await signed("ines@insurer")
    before = changes(house)
    for address, fields in ADMINISTERING:
        filled = {name: names.get(name, value) if value == "SESSION" else value for name, value in fields.items()}
        told = await send(browser, address, filled)
        assert told.status_code in {403, 404}, (address, fields, told.status_code)
    assert changes(house) == before


async def test_dangerous_steps_ask_for_a_proof_when_the_last_one_is_old(signed, house):
    browser = await signed("root@clinic")
    keeper = house.keeper.keeper
    keeper.settings = dataclasses.replace(keeper.settings, proof_seconds=0)
    before = changes(house)
    for address, fields in (*ADMINISTERING, *OWN):
        told = await send(browser, address, fields)
        assert told.status_code == 303, (address, fields)
        assert told.headers["location"].startswith("/prove?next="), (address, fields)
        if fields.get("do") == "add" and address == "/admin/recovery":
            back = parse_qs(urlsplit(told.headers["location"]).query)["next"][0]
    keeper.settings = dataclasses.replace(keeper.settings, proof_seconds=900)
    await browser.get("/admin/recovery")
    offered = f'name="recipient" value="{RECIPIENT}"'
    assert offered in (await browser.get(back)).text, "what was printed is not lost"
    forged = re.sub("mark=[0-9a-f]+", f"mark={'0' * 64}", back)
    for link in (forged, forged.replace(f"mark={'0' * 64}", "")):
        assert offered not in (await browser.get(link)).text, "nobody else's key is offered"
    assert changes(house) == before


async def test_what_is_another_persons_is_not_there(signed, house):
    names = with_things_of_the_clinic(house)
    door = house.keeper.door()
    anna = door.ask_now(SignInAtPage("anna@clinic", PASSWORD, "127.0.0.1")).signed.handle
    share = door.ask_now(MakeShare(anna, "package", "/in", "Claims", "", (), "", None)).share
    browser = await signed("root@clinic")
    before = changes(house)
    for address, fields in (("/account/session", names), (f"/sent/{share}/recall", {})):
        assert (await send(browser, address, fields)).status_code == 404, address
    assert (await browser.get(f"/sent/{share}")).status_code == 404
    assert (await browser.get("/sent")).text.count("Claims") == 0
    assert changes(house) == before
