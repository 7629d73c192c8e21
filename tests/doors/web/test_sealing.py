"""Sealed in the browser: what Chromium seals our own code opens, and the other way round; through a reload."""

import asyncio
import hashlib
import os
import re

import pytest

from sealane.operations.accounts import AddFolder, GrantFolder, SetRecipient
from sealane.vault.age import armor, files
from sealane.vault.age.hybrid import HybridIdentity, HybridRecipient
from sealane.vault.age.passphrase import Passphrase
from tests.doors.web.browsers import ONE_LOOP, browser, port  # noqa: F401  # fixtures
from tests.doors.web.conftest import EVERYTHING, Browser, opened
from tests.doors.web.test_flows import MIB, sign_in
from tests.peers import chromium
from tests.peers.chromium import accessible, with_an_authenticator

pytestmark = [pytest.mark.slow, ONE_LOOP]

WAIT_SECONDS = 60
ANNA = HybridIdentity.new()
PASSPHRASE = "three quiet rivers"
KEPT_UPLOADS = """new Promise(done => {
  const opening = indexedDB.open('sealane')
  opening.onsuccess = () => {
    const counted = opening.result.transaction('uploads').objectStore('uploads').count()
    counted.onsuccess = () => { opening.result.close(); done(counted.result) }
  }
})"""
COMPILES = "WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then(() => true)"
DOWNLOADS_ONLY = "delete window.showSaveFilePicker"


@pytest.fixture
def records(house):
    """A sealed folder that anna reads and writes."""
    for operation in (
        SetRecipient("anna@clinic", str(ANNA.recipient()), present=True),
        AddFolder("clinic:/records", sealed=True),
        GrantFolder("clinic:/records", "anna@clinic", EVERYTHING),
    ):
        house.keeper.admin(operation)
    return "/records"


@pytest.fixture
def key_file(tmp_path):
    """Anna's key, sealed with a passphrase, which is quick to guess here and nowhere else."""
    path = tmp_path / "key.txt"
    text = f"# a comment\n{ANNA.text()}\n".encode()
    path.write_bytes(armor.enclose(files.seal(text, [Passphrase(PASSPHRASE, work_factor=8)])))
    return path


def content_of(mib):
    return hashlib.sha256(b"seed").digest() * (mib * MIB // 32) + b"the end"


async def test_what_the_browser_seals_through_a_reload_our_own_code_opens(browser, port, house, records, tmp_path):  # noqa: F811
    content = content_of(9)
    file = tmp_path / "röntgen.dcm"
    file.write_bytes(content)
    headers = {"Authorization": f"Bearer {house.token('anna@clinic')}"}
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/files/records")
        await page.click("details.readers summary")
        assert "anna@clinic" in await page.inner_text("details.readers")
        bodies = []

        async def let_one_through(route):
            bodies.append(route.request.post_data_buffer)
            await (route.continue_() if len(bodies) == 1 else route.abort())

        await page.route(
            re.compile(r"/api/v1/uploads/"),
            lambda route: let_one_through(route) if route.request.method == "PATCH" else route.continue_(),
        )
        page.on("dialog", lambda dialog: dialog.accept())
        await page.set_input_files("input[data-upload-to]", file)
        await page.wait_for_selector("#tray .how:has-text('No connection')")
        await page.reload()
        await page.unroute_all()
        await page.set_input_files("input[data-upload-to]", file)
        await page.wait_for_selector("#tray li.done")
        assert await page.evaluate(KEPT_UPLOADS) == 0
        assert [await worker.evaluate(COMPILES) for worker in page.workers]
        told = await page.request.get("/api/v1/content/records/r%C3%B6ntgen.dcm", headers=headers)
        sealed = await told.body()
        assert told.headers["content-type"] == "application/age"
        assert told.headers["sealane-plaintext-length"] == str(len(content))
    assert bodies[0] in sealed
    assert not any(body and body not in sealed for body in bodies), "the same bytes are sent again"
    assert files.open_sealed(sealed, [ANNA]) == content


async def test_a_file_that_was_changed_where_it_was_already_sent_is_sent_anew(browser, port, house, records, tmp_path):  # noqa: F811
    """Its size, time and ends are as they were: only what is sealed of it again tells."""
    content, file = bytearray(content_of(9)), tmp_path / "scan.dcm"
    file.write_bytes(content)
    status = file.stat()
    headers = {"Authorization": f"Bearer {house.token('anna@clinic')}"}
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/files/records")
        arrived = asyncio.Event()

        async def let_the_first_through(route):
            first = route.request.method != "PATCH" or len(route.request.post_data_buffer) > 7 * MIB
            await (route.continue_() if first else route.abort())

        def note(response):
            if response.request.method == "PATCH" and response.ok:
                arrived.set()

        page.on("response", note)
        await page.route(re.compile(r"/api/v1/uploads/"), let_the_first_through)
        page.on("dialog", lambda dialog: dialog.accept())
        await page.set_input_files("input[data-upload-to]", file)
        await asyncio.wait_for(arrived.wait(), WAIT_SECONDS)
        await page.wait_for_selector("#tray .how:has-text('No connection')")
        await page.reload()
        await page.unroute_all()
        content[4 * MIB : 4 * MIB + 8] = b"CHANGED!"
        file.write_bytes(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        await page.set_input_files("input[data-upload-to]", file)
        await page.wait_for_selector("#tray li:has-text('The file has changed')")
        await page.click("#tray button:has-text('Try again')")
        await page.wait_for_selector("#tray li.done")
        told = await page.request.get("/api/v1/content/records/scan.dcm", headers=headers)
        assert files.open_sealed(await told.body(), [ANNA]) == bytes(content)


async def tab_to(page, selector):
    """Go to something by the Tab key alone."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("one => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"the Tab key does not reach {selector}")


async def test_the_command_that_a_page_shows_takes_any_name_for_one_word(port, house, records):  # noqa: F811
    anna = Browser(port)
    await anna.sign_in("anna@clinic")
    headers = {"Sealane-Form-Token": anna.token, "Sealane-Sealed": "age", "Sealane-Plaintext-Length": "2"}
    sealed = files.seal(b"ok", [ANNA.recipient()])
    put = await anna.ask("PUT", "/api/v1/content/records/a%3B%20reboot", data=sealed, headers=headers)
    assert put.status_code == 201, put.text
    page = await anna.get("/details/records/a%3B%20reboot.age")
    assert "<code>age -d &#39;a; reboot.age&#39;</code>" in page.text
    await anna.close()


async def test_what_our_own_code_seals_the_browser_opens_to_the_last_chunk(browser, port, house, records, key_file):  # noqa: F811
    content = content_of(3)
    sealed = files.seal(content, [ANNA.recipient()])
    damaged = bytearray(sealed)
    damaged[-20] ^= 1
    headers = {
        "Authorization": f"Bearer {house.token('anna@clinic')}",
        "Sealane-Sealed": "age",
        "Sealane-Plaintext-Length": str(len(content)),
        "Cookie": "",
    }
    async with chromium.opened(browser, f"http://127.0.0.1:{port}") as page:
        await page.add_init_script(DOWNLOADS_ONLY)
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        for name, body in (("scan.pdf", sealed), ("damaged.pdf", bytes(damaged))):
            put = await page.request.put(f"/api/v1/content/records/{name}", data=body, headers=headers)
            assert put.status == 201, await put.text()
        choosing = asyncio.get_running_loop().create_future()
        # Long before it is asked for: the browser is told in its own time.
        page.on("filechooser", lambda chooser: choosing.set_result(chooser))  # noqa: PLW0108  # it takes no built-in
        await page.goto("/details/records/scan.pdf.age")
        await tab_to(page, "[data-act=open]")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog[open]")
        await accessible(page)
        await tab_to(page, "#unlock-file")
        await page.keyboard.press("Enter")
        await (await asyncio.wait_for(choosing, WAIT_SECONDS)).set_files(key_file)
        await tab_to(page, "#unlock-passphrase")
        await page.keyboard.type("not this one")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog >> text=does not open the key file")
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.type(PASSPHRASE)
        async with page.expect_download() as coming:
            await page.keyboard.press("Enter")
        path = await (await coming.value).path()
        assert path.read_bytes() == content
        await page.wait_for_selector("#tray li.done")
        await page.click(".crumbs >> text=records")
        await page.click("text=damaged.pdf.age")
        async with page.expect_download() as coming:
            await page.click("text=Open here")
        assert await (await coming.value).failure() is not None
        await page.wait_for_selector("#tray li.failed >> text=damaged or not whole")


async def test_a_key_that_a_passkey_opens_is_made_and_opens_what_is_sealed_to_it(browser, house, records):  # noqa: F811
    content = content_of(1)
    async with opened(house, named=True) as port, chromium.opened(browser, f"http://localhost:{port}") as page:  # noqa: F811
        await page.add_init_script(DOWNLOADS_ONLY)
        await with_an_authenticator(page, derives=True)
        await sign_in(page, "anna")
        await page.wait_for_url("**/files")
        await page.goto("/keys")
        async with page.expect_download() as coming:
            await page.click("#make-passkey-key button")
        key = (await (await coming.value).path()).read_text()
        assert key.startswith("-----BEGIN AGE ENCRYPTED FILE-----")
        recipient = await page.input_value("#add-key [name=recipient]")
        await accessible(page)
        await page.check("#add-saved")
        await page.click("#add-key button")
        await page.wait_for_url("**/keys?said=key-added")
        headers = {
            "Authorization": f"Bearer {house.token('anna@clinic')}",
            "Sealane-Sealed": "age",
            "Sealane-Plaintext-Length": str(len(content)),
            "Cookie": "",
        }
        sealed = files.seal(content, [HybridRecipient.from_text(recipient)])
        put = await page.request.put("/api/v1/content/records/scan.pdf", data=sealed, headers=headers)
        assert put.status == 201, await put.text()
        await page.goto("/details/records/scan.pdf.age")
        await page.click("text=Open here")
        await page.wait_for_selector("dialog [data-kept=passkey]:visible")
        async with page.expect_download() as coming:
            await page.click("dialog button.main")
        assert (await (await coming.value).path()).read_bytes() == content
