"""Long listings on pages: administrators' by pages and searched, a sorted folder without sorting it again."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealane.doors.web import orders
from sealane.doors.web.orders import Orders
from sealane.operations.accounts import AddFolder, AddUser, GrantFolder, RevokeFolder, SetMembership
from sealane.operations.files import ListFolder, Look
from tests.doors.web.conftest import Browser, House, opened

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
async def busy(tmp_path, clinic):
    """A house whose pages have three rows, with more than fit on one of everything, and a browser in it."""
    house = House(tmp_path / "data", clinic, web_page_rows=3)
    for number in range(4):
        house.keeper.admin(AddFolder(f"clinic:/f{number}"))
        house.keeper.admin(AddUser(f"u{number}@clinic"))
        house.keeper.admin(SetMembership("nurses@clinic", f"u{number}@clinic", member=True))
        house.keeper.admin(GrantFolder(f"clinic:/f{number}", "anna@clinic", ("list", "write")))
        house.keeper.admin(GrantFolder("clinic:/f0", f"u{number}@clinic", ("list",)))
    async with opened(house) as port:
        made = Browser(port)
        made.house = house
        yield made
        await made.close()
    house.close()


def names(page):
    return re.findall(r'<span class="text">([^<]+)</span>', page.text)


async def walked(browser, address):
    """The names on every page, by the links that lead on; and back again to the first."""
    pages = [await browser.get(address)]
    while onward := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
        pages.append(await browser.get(onward[1].replace("&amp;", "&")))
    back = pages[-1]
    for _ in pages[1:]:
        back = await browser.get(re.search(r'rel="prev" href="([^"]+)"', back.text)[1].replace("&amp;", "&"))
    assert names(back) == names(pages[0])
    return [names(page) for page in pages]


async def test_administrators_get_to_every_row_page_after_page(busy):
    await busy.sign_in("root@clinic")
    folders = await walked(busy, "/admin/folders")
    assert folders == [["clinic:/f0", "clinic:/f1", "clinic:/f2"], ["clinic:/f3", "clinic:/in", "clinic:/private"]]
    users = await walked(busy, "/admin/users")
    assert [len(page) for page in users] == [3, 3, 1]
    assert len({name for page in users for name in page}) == 7
    assert [len(page) for page in await walked(busy, "/admin/folder?folder=clinic:/f0")] == [3, 2]
    assert [len(page) for page in await walked(busy, "/admin/user?user=anna@clinic")] == [3, 2]
    page = await busy.get("/admin/folder?folder=clinic:/f0")
    assert "and 2 more" in page.text  # grants on the folder itself


async def test_a_search_finds_what_is_on_no_first_page_and_says_where_it_found_nothing(busy):
    await busy.sign_in("root@clinic")
    assert names(await busy.get("/admin/folders?q=PRIV")) == ["clinic:/private"]
    assert "No folder found." in (await busy.get("/admin/folders?q=nothing")).text
    assert names(await busy.get("/admin/users?q=u3")) == ["u3@clinic"]
    assert "Nobody found." in (await busy.get("/admin/users?q=nothing")).text
    page = await busy.get("/admin/groups?q=u3")
    assert "u3@clinic" in page.text.partition("<section")[2]
    assert "u1@clinic" not in page.text.partition("<section")[2]
    assert "No group found." in (await busy.get("/admin/groups?q=nothing")).text
    assert set(names(await busy.get("/admin/sessions?q=root"))) == {"root@clinic"}
    assert "Nobody found." in (await busy.get("/admin/sessions?q=nothing")).text
    assert "u2@clinic" in (await busy.get("/admin/folder?folder=clinic:/f0&q=u2")).text
    for wrong in ("x", "-1", "9" * 12, "²"):
        assert (await busy.get(f"/admin/folders?start={wrong}")).status_code == 400
    past = await busy.get("/admin/folders?start=5000")
    assert past.status_code == 200
    assert "Previous page" in past.text


async def test_a_sorted_folder_is_read_once_for_all_its_pages_and_each_row_anew(busy, monkeypatch):
    await busy.sign_in("anna")
    await busy.get("/files/f0")
    headers = {"Sealane-Form-Token": busy.token}
    for number in range(7):
        made = await busy.ask("PUT", f"/api/v1/content/f0/{number}.txt", data=b"x" * number, headers=headers)
        assert made.status_code == 201
    asked = []
    door = busy.house.keeper
    perform = door.keeper.perform_batch
    monkeypatch.setattr(
        door.keeper,
        "perform_batch",
        lambda requests: asked.extend(type(one.wanted) for one in requests) or perform(requests),
    )
    address = "/files/f0?sort=size&order=down"
    assert names(await busy.get(address))[:3] == ["6.txt", "5.txt", "4.txt"]
    assert ListFolder in asked
    removed = await busy.ask("DELETE", "/api/v1/content/f0/2.txt", headers=headers)
    assert removed.status_code in {200, 204, 403}
    asked.clear()
    page = await busy.get(f"{address}&start=3&part=rows")
    assert ListFolder not in asked
    assert asked.count(Look) >= 3
    assert names(page) == (["3.txt", "1.txt"] if removed.is_success else ["3.txt", "2.txt", "1.txt"])
    busy.house.keeper.admin(RevokeFolder("clinic:/f0", "anna@clinic"))
    page = await busy.get(f"{address}&start=3&part=rows")
    assert "3.txt" not in page.text


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 90_000), st.integers(0, 400)), max_size=30),
)
def test_orders_are_kept_for_a_while_within_bounds(steps):
    kept, now, said = Orders(), NOW, {}
    for key, size, seconds in steps:
        now += timedelta(seconds=seconds)
        found = kept.known(key, now)
        if found is not None:
            size_then, at = said[key]
            assert len(found.names) == size_then
            assert now < at + orders.KEPT
        kept.remember(key, ("x",) * size, cut=False, now=now)
        said[key] = (size, now)
        assert len(kept.known(key, now).names) == size
        assert kept.names == sum(len(one.names) for one in kept._kept.values()) <= orders.NAMES_MAX
