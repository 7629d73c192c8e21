"""Whose data is in a file, on its page: counts in words, to whoever may read it, and never who they are."""

import pytest

from sealane.operations.accounts import AddUser, GrantFolder
from sealane.operations.exposures import SetReading
from sealane.operations.inspection import Exposed, PartNotRead, RecordExposure
from tests.doors.http.conftest import House
from tests.doors.web.conftest import PASSWORD, Browser, opened
from tests.keeper_in_process import KeeperInProcess

pytestmark = pytest.mark.slow  # together they take longer than make check may


def told(people, classes, coverage="complete", parts=()):
    unreadable = tuple(PartNotRead(name, why) for name, why in parts)
    return Exposed("csv", coverage, records=people, people=people, classes=classes, unreadable=unreadable, readers=1)


@pytest.fixture
def house(tmp_path, clinic):
    built = House(tmp_path / "data", clinic, exposure_read=1)
    built.keeper.close()
    built.keeper = KeeperInProcess(tmp_path / "data", built.settings, reading=True)
    built.keeper.admin(AddUser("wanda@clinic", password=PASSWORD))
    built.keeper.admin(GrantFolder("clinic:/in", "wanda@clinic", ("list", "write")))
    yield built
    built.close()


async def put(browser, name):
    await browser.get("/files/in")
    headers = {"Sealane-Form-Token": browser.token, "Content-Type": "application/octet-stream"}
    answer = await browser.ask("PUT", f"/api/v1/content/in/{name}", data=b"name\nAda\n", headers=headers)
    assert answer.status_code == 201
    return answer.headers["sealane-version"]


async def test_a_files_page_says_in_words_how_many_people_which_classes_and_what_was_not_read(house):
    inspector = house.keeper.inspector()
    async with opened(house) as port:
        anna = Browser(port)
        await anna.sign_in("anna@clinic")

        async def read(name, exposed, *words):
            version = await put(anna, name)
            assert "This is being found out" in (await anna.get(f"/details/in/{name}")).text
            inspector.ask_now(RecordExposure(version=version, exposed=exposed))
            page = (await anna.get(f"/details/in/{name}")).text
            for said in words:
                assert said in page
            return page

        page = await read("a", told(1234, {"name": 1234, "ssn": 7}), "1,234 individuals", "Read whole.", "names 1,234")
        assert "Social Security numbers 7" in page
        assert "1,234 records." in page
        assert "individuals at least" not in page
        parts = [("<b>scan.pdf", "image-only"), ("x.zip", "encrypted")]
        page = await read("b", told(1, {"name": 1}, "partial", parts), "1 individual at least", "Read in part.")
        assert "&lt;b&gt;scan.pdf: only an image" in page
        assert "x.zip: encrypted" in page
        await read("c", told(0, {}, "unreadable", [("c", "sealed-by-sender")]), "not known", "c: sealed by its sender")
        await read("d", told(0, {}), '<p class="figure">nobody</p>')
        many = [(f"part {n}", "damaged") for n in range(13)]
        page = await read("e", told(12, {"diagnosis": 12}, "partial", many), "part 9:", "and 3 more")
        assert "part 10:" not in page
        for language, words in (("de", "mindestens 12 Personen"), ("es", "al menos 12 personas")):
            anna.language = language
            assert words in (await anna.get("/details/in/e")).text
        await anna.close()


async def test_who_may_not_read_a_file_is_not_told_and_what_is_not_read_is_said(house):
    inspector = house.keeper.inspector()
    async with opened(house) as port:
        anna, wanda = Browser(port), Browser(port)
        await anna.sign_in("anna@clinic")
        await wanda.sign_in("wanda@clinic")
        version = await put(anna, "list.csv")
        inspector.ask_now(RecordExposure(version=version, exposed=told(5, {"name": 5})))
        assert "5 individuals" in (await anna.get("/details/in/list.csv")).text
        page = (await wanda.get("/details/in/list.csv")).text
        assert "list.csv" in page
        assert "Whose data is in it" not in page
        house.keeper.admin(SetReading("clinic:/in", reading=False))
        await put(anna, "off.csv")
        assert "reading was switched off" in (await anna.get("/details/in/off.csv")).text
        await put(anna, "list.csv")
        earlier = (await anna.get(f"/details/in/list.csv?version={version}")).text
        assert "This is an earlier version" in earlier
        assert "5 individuals" not in earlier
        await anna.close()
        await wanda.close()
