"""What the pages serve is what its sources make, and is served as it says."""

import base64
import gzip
import hashlib
import re

import pytest

from scripts import web_assets
from sealane.doors.web.assets import FOLDER, Assets
from sealane.doors.web.keys import PROGRAMS
from tests.peers import missing

pytestmark = pytest.mark.slow  # together they take longer than make check may


@pytest.mark.slow
def test_what_is_committed_is_made_of_its_sources():
    try:
        made = web_assets.made()
    except web_assets.NotToBeHad as error:
        missing(str(error))
    for name, content in made.items():
        assert (FOLDER / name).read_bytes() == content, f"{name}: run make web"


def test_the_digests_that_are_published_are_those_of_what_is_served():
    served = {path.name: path.read_bytes() for path in FOLDER.glob("*.js")}
    assert web_assets.PUBLISHED.read_bytes() == web_assets.digests(served), "run make web"


async def test_a_program_that_runs_apart_from_pages_may_load_nothing_and_ask_this_server_only(browser):
    await browser.sign_in("anna")
    page = await browser.get("/programs")
    assert re.findall(r"digest\">([0-9a-f]{64})", page.text) == [Assets()[name].sha256 for name in PROGRAMS]
    for name in ("sealer.js", "handing.js"):
        told = await browser.get(Assets()[name].address)
        policy = told.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; connect-src 'self'; require-trusted-types-for 'script'; ")
        assert policy.endswith("script-src 'wasm-unsafe-eval'" if name == "sealer.js" else "trusted-types 'none'")
    assert "wasm" not in page.headers["content-security-policy"]


def test_an_address_changes_with_what_is_there_and_the_browser_is_told_its_digest(tmp_path):
    (tmp_path / "a.css").write_text("one")
    first = Assets(tmp_path)["a.css"]
    (tmp_path / "a.css").write_text("two")
    second = Assets(tmp_path)["a.css"]
    assert first.address != second.address
    assert second.integrity == "sha384-" + base64.b64encode(hashlib.sha384(b"two").digest()).decode()
    assert gzip.decompress(second.compressed) == b"two"


def test_the_first_page_is_small():
    """The budget of the first page is 100 kB compressed, all of its styles and programs included."""
    assets = Assets()
    assert sum(len(assets[name].compressed) for name in ("sealane.css", "sealane.js", "htmx.js")) < 60_000


async def test_assets_are_kept_for_ever_and_nothing_else_is_served(browser):
    page = await browser.get("/sign-in")
    address = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    told = await browser.get(address)
    assert told.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert told.headers["content-type"] == "text/css; charset=utf-8"
    assert (await browser.get("/static/sealane.css")).status_code == 404
    assert (await browser.get("/static/LICENSE-htmx")).status_code == 404
