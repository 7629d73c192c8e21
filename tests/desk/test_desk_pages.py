"""The desk as pages: who gets in, what they show, what they keep; held against WCAG in a real browser."""

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import date, timedelta

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from sealane.desk import taking
from sealane.desk.incidents import deadlines, records
from sealane.desk.incidents.records import Scope, Scoped
from sealane.desk.notices import letters, page, party
from sealane.desk.pages import search
from sealane.desk.pages.application import NotLoopback, Pages, checked_host
from sealane.desk.pages.office import Office
from tests.desk.worlds import START, person
from tests.peers import chromium

pytestmark = pytest.mark.slow  # together they take longer than make check may

STOLEN = START + timedelta(days=29)
HOST = "127.0.0.1:8090"


@pytest.fixture
def office(desk, world):
    took = world.file("north:/claims/a.csv", [person(1), person(2), person(3, state="MA")])
    world.file("south:/rolls/b.csv", [person(3, state="MA"), person(4, given="<b>Bold</b>")])
    world.at(STOLEN).download(took, "north:/claims/a.csv")
    taking.sync(desk, world.publish())
    number = records.open_(desk, "The theft of May", occurred=STOLEN, discovered=STOLEN + timedelta(days=9), now=STOLEN)
    records.add(desk, number, Scoped(at=STOLEN, scope=Scope(users=("thief@plan",))))
    return Office.opened(desk, deadlines.load())


@pytest.fixture
def pages(office):
    return Pages(office, "127.0.0.1", 8090)


class Visitor:
    """A browser without scripts."""

    def __init__(self, pages, host=HOST):
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(pages.guard), base_url=f"http://{host}")
        self.token = pages.guard.form_token

    async def enter(self, pages):
        return await self.client.get(pages.guard.link)

    async def get(self, address):
        return await self.client.get(address)

    async def send(self, address, *, headers=None, **fields):
        return await self.client.post(address, data={"token": self.token, **fields}, headers=headers)


@pytest.fixture
async def visitor(pages):
    made = Visitor(pages)
    assert (await made.enter(pages)).status_code == 303
    yield made
    await made.client.aclose()


async def test_where_there_is_nothing_a_sentence_says_so_in_place_of_an_empty_table(visitor):
    assert "Nobody was told a number yet." in (await visitor.get("/incidents/1/told")).text
    duties = (await visitor.get("/incidents/1/duties")).text
    assert "No letter is written down yet" in duties
    assert "<tbody></tbody>" not in duties


async def test_nobody_gets_in_without_the_link_and_it_works_once(pages):
    link = pages.guard.link
    stranger = Visitor(pages)
    for address in ("/", "/incidents/1", "/desk.css", "/enter/wrong"):
        assert (await stranger.get(address)).status_code == 403
    assert (await stranger.send("/search", asked="x")).status_code == 403
    officer = Visitor(pages)
    answer = await officer.client.get(link)
    assert answer.status_code == 303
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert (await officer.get("/")).status_code == 200
    assert (await stranger.client.get(link)).status_code == 403
    assert (await stranger.get("/")).status_code == 403


async def test_a_name_that_was_made_to_point_here_is_refused(pages):
    for host in ("evil.example:8090", "127.0.0.1:8091", "localhost:8090"):
        answer = await Visitor(pages, host).get("/")
        assert answer.status_code == 421


async def test_what_another_page_sends_changes_nothing(visitor, office):
    before = records.places(office.folder, 1)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert (await visitor.send("/incidents/1/scope", headers=headers, does="keep")).status_code == 403
    assert (await visitor.client.post("/incidents/1/scope", data={"does": "keep"})).status_code == 403
    assert (await visitor.client.post("/search", content=b"x" * 100_000)).status_code >= 400
    assert records.places(office.folder, 1) == before


@pytest.mark.parametrize(
    ("text", "host"),
    [("127.0.0.1:8090", ("127.0.0.1", 8090)), ("localhost:1", ("127.0.0.1", 1)), ("[::1]:9", ("::1", 9))],
)
def test_it_listens_on_loopback(text, host):
    assert checked_host(text) == host


@pytest.mark.parametrize(
    "text", ["0.0.0.0:80", "10.0.0.1:80", "example.org:80", "127.0.0.1", "127.0.0.1:0", ":80", "x:y"]
)
def test_it_listens_nowhere_else(text):
    with pytest.raises(NotLoopback):
        checked_host(text)


async def test_every_page_keeps_its_policy_and_escapes_what_strangers_wrote(visitor):
    await visitor.send("/incidents/1/told", by="<script>x", to="press", count="2", on="2023-06-01")
    for place in ("", "/scope", "/files", "/people", "/told", "/duties"):
        answer = await visitor.get(f"/incidents/1{place}")
        assert answer.status_code == 200, place
        assert "<script" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.text
    assert (await visitor.get("/incidents/9")).status_code == 404
    assert (await visitor.get("/incidents/1/people?page=999999999")).status_code == 200


async def test_a_scope_is_previewed_without_being_kept_and_kept_when_asked(visitor, office):
    before = records.places(office.folder, 1)
    shown = await visitor.send("/incidents/1/scope", does="preview", folders="/rolls")
    assert "would come to" in shown.text
    assert "<strong>2</strong> individuals" in shown.text
    assert "<strong>3</strong> individuals" in shown.text
    assert records.places(office.folder, 1) == before
    assert (await visitor.send("/incidents/1/scope", does="keep", folders="/rolls")).status_code == 303
    assert records.load(office.folder, 1).scope == Scope(folders=("/rolls",))
    assert "<strong>2</strong> individuals" in (await visitor.get("/incidents/1/scope")).text
    assert (await visitor.send("/incidents/1/scope", does="keep", since="yesterday")).status_code == 400


async def test_individuals_by_owner_state_and_class(visitor):
    assert "3 individuals" in (await visitor.get("/incidents/1/people")).text
    assert "1 individuals" in (await visitor.get("/incidents/1/people?state=MA")).text
    assert "0 individuals" in (await visitor.get("/incidents/1/people?owner=south")).text
    assert "3 individuals" in (await visitor.get("/incidents/1/people?class=ssn")).text
    files = (await visitor.get("/incidents/1/files")).text
    assert "thief@plan from 203.0.113.9" in files


async def test_what_is_kept_from_the_pages_is_what_the_commands_keep(visitor, office):
    assert (await visitor.send("/incidents/1/told", by="x", to="y", count="2", on="2023-06-09")).status_code == 303
    told = (await visitor.get("/incidents/1/told")).text
    assert "come to 3, 1 more" in told
    duties = "/incidents/1/duties"
    assert (await visitor.send(duties, does="done", duty="me-individuals", on="2023-06-20")).status_code == 303
    assert (await visitor.send(duties, does="decide", owner="north", notifier="processor")).status_code == 303
    sent = {"does": "deliver", "owner": "north", "state": "returned", "count": "10", "on": "2023-06-25"}
    assert (await visitor.send(duties, **sent)).status_code == 303
    assert "substitute@north" in (await visitor.get(duties)).text
    incident = records.load(office.folder, 1)
    assert incident.done == {"me-individuals": date(2023, 6, 20)}
    assert incident.notifiers == {"north": "processor"}
    for wrong in ({"does": "x"}, sent | {"count": "-1"}, sent | {"state": "lost"}, sent | {"on": "soon"}):
        assert (await visitor.send(duties, **wrong)).status_code == 400
    opened = await visitor.send("/incidents", title="Another", occurred="2023-07-01", discovered="2023-07-02")
    assert opened.headers["location"] == "/incidents/2/scope"
    assert (await visitor.send("/incidents", title="", occurred="2023-07-01", discovered="x")).status_code == 400


async def test_a_caller_is_told_whether_they_are_in_it(visitor, office):
    one, four = person(1), person(4)
    for asked in (
        f"{one['given']} {one['family']}",
        one["ssn"],
        f"{one['ssn'][:3]}-{one['ssn'][3:5]}-{one['ssn'][5:]}",
    ):
        answer = await visitor.send("/search", asked=asked)
        assert one["family"] in answer.text
        assert "The theft of May" in answer.text
        assert "Social Security number" in answer.text
    other = await visitor.send("/search", asked=four["family"])
    assert "&lt;b&gt;Bold" in other.text
    assert "In no file of any incident" in other.text
    assert "Nobody was found" in (await visitor.send("/search", asked="nobody at all")).text
    assert search.find(office, "  ") == []
    assert search.find(office, ".*") == []


# --- in a real browser -----------------------------------------------------------------------------------------------

PARTY = party.Party(name="Example", address=("1 Main St", "Augusta, ME 04330"), phone="1-800-555-0100",
                    happened=("A thief copied files.",), doing=("We closed the hole.",), signed_by="Dana")  # fmt: skip


@asynccontextmanager
async def served(office):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    pages = Pages(office, "127.0.0.1", port)
    server = Server(pages.guard, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    try:
        yield pages, port
    finally:
        server.stop()
        await asyncio.wait_for(serving, 20)


async def test_every_page_and_the_public_notice_are_accessible(office, tmp_path):
    told = office.answer(1)
    occasion = letters.Occasion(PARTY, "Example", date(2023, 5, 30), date(2023, 6, 8), date(2023, 6, 20))
    (tmp_path / "notice.html").write_bytes(page.page(occasion, told.figures, "https://example.org/notice"))
    async with served(office) as (pages, port), chromium.started() as browser:
        url = f"http://127.0.0.1:{port}"
        async with chromium.opened(browser, url, viewport={"width": 390, "height": 800}) as window:
            await window.goto(pages.guard.link)
            addresses = [
                "/",
                "/search",
                *(f"/incidents/1{one}" for one in ("", "/scope", "/files", "/people", "/told", "/duties")),
            ]
            for address in addresses:
                await window.goto(address)
                await chromium.accessible(window)
                assert await window.evaluate("document.documentElement.scrollWidth") <= 390, address
            await window.goto("/search")
            await window.fill("[name=asked]", person(1)["family"])
            await window.keyboard.press("Enter")
            await window.wait_for_selector("[role=status]")
            await chromium.accessible(window)
            await window.emulate_media(color_scheme="dark")
            await window.goto("/incidents/1")
            await chromium.accessible(window)
            await window.goto(f"file://{tmp_path}/notice.html")
            await chromium.accessible(window)
