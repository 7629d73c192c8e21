"""The main flow in Firefox: sign in, send, fetch, send sealed, open sealed. Chromium's tests have all the rest."""

from pathlib import Path

import pytest

from sealane.vault.age import files
from tests.doors.web.conftest import PASSWORD
from tests.doors.web.test_sealing import ANNA, PASSPHRASE, content_of, key_file, records  # noqa: F401  # fixtures
from tests.peers import firefox

pytestmark = pytest.mark.slow


async def test_what_is_sent_fetched_sealed_and_opened_is_what_it_was(port, house, records, key_file, tmp_path):  # noqa: F811
    content = content_of(5)
    file = tmp_path / "röntgen.dcm"
    file.write_bytes(content)
    url = f"http://127.0.0.1:{port}"
    async with firefox.started(tmp_path) as page:
        await page.goto(f"{url}/sign-in")
        await page.type("[name=name]", "anna@clinic")
        await page.type("[name=password]", PASSWORD)
        await page.click("form button.main")
        await page.find("table.files")
        for folder in ("in", "records"):
            await page.goto(f"{url}/files/{folder}")
            await page.type("input[data-upload-to]", file)
            await page.find("#tray li.done")
        await page.goto(f"{url}/files/in")
        await page.click("a[download]")
        await page.downloads(1)
        await page.goto(f"{url}/details/records/r%C3%B6ntgen.dcm.age")
        await page.click("a[download]")
        await page.downloads(2)
        await page.click("[data-act=open]")
        await page.find("#unlock[open]")
        await page.type("#unlock-file", key_file)
        await page.type("#unlock-passphrase", PASSPHRASE)
        await page.click("#unlock-form button.main")
        paths = [Path(path) for path in await page.downloads(3)]
        assert await page.complaints() == []
    plain, sealed, opened = (path.read_bytes() for path in paths)
    assert plain == content
    assert files.open_sealed(sealed, [ANNA]) == content
    assert opened == content
