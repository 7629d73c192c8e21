"""A selection as one ZIP archive: what is in it, what is on record, what refuses it."""

import io
import json
import zipfile

import pytest

from sealane.doors.http.browser import COOKIE
from sealane.operations.accounts import AddFolder
from sealane.operations.audit import ReadLedger

pytestmark = pytest.mark.slow  # a door before a keeper for each

FILES = {"in/Ä list.csv": b"a,b\n", "in/sub/large.bin": bytes(range(256)) * 4096, "in/sub/deep/empty": b""}


@pytest.fixture
async def filled(browser, house):
    await browser.sign_in("anna")
    await browser.get("/files/in")
    headers = {
        "Cookie": f"{COOKIE}={browser.cookies[COOKIE]}",
        "Sec-Fetch-Site": "same-origin",
        "Sealane-Form-Token": browser.token,
    }
    for folder in ("clinic:/in/sub", "clinic:/in/sub/deep"):
        house.keeper.admin(AddFolder(folder))
    for path, content in FILES.items():
        put = await browser._client.put(f"/api/v1/content/{path}", content=content, headers=headers)
        assert put.status_code == 201
    await browser.get("/files/in")
    return browser


async def test_a_selection_comes_as_an_archive_each_file_of_it_on_record(filled, house):
    told = await filled.send("/archive/in", name=["Ä list.csv", "sub"])
    assert told.status_code == 200
    assert told.headers["content-disposition"] == "attachment; filename*=UTF-8''in.zip"
    with zipfile.ZipFile(io.BytesIO(told.content)) as archive:
        assert archive.testzip() is None
        assert {f"in/{name}": archive.read(name) for name in archive.namelist()} == FILES
    entries = house.keeper.admin(ReadLedger(kind="download_begun")).entries
    assert len(entries) == len(FILES)
    ended = [json.loads(entry.body) for entry in house.keeper.admin(ReadLedger(kind="download_ended")).entries]
    assert sorted(one["sent"] for one in ended) == sorted(len(content) for content in FILES.values())


async def test_nothing_is_sent_of_a_selection_that_is_empty_too_large_or_not_there(filled, house):
    assert (await filled.send("/archive/in")).status_code == 400
    await filled.get("/files/in")
    assert (await filled.send("/archive/in", name=["Ä list.csv", "gone"])).status_code == 404
    await filled.get("/files/in")
    assert (await filled.send("/archive/in", name=["../private"])).status_code == 400
    await filled.get("/files/in")
    for page in ("/archive/in", "/archive/private"):
        assert (await filled.ask("POST", page, data={"token": "0" * 64, "name": "x"})).status_code == 403
    assert house.keeper.admin(ReadLedger(kind="download_begun")).entries == ()
