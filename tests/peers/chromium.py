"""Debian's Chromium, driven by Playwright: what a person at a browser meets, and what their browser complains of.

async with started() as chromium:
    async with opened(chromium, url) as page:
        await page.goto("/sign-in")
        …                                   # a blocked load, an error of a script: the claim fails at the end
        await accessible(page)              # axe finds nothing against WCAG 2.2 AA
"""

from __future__ import annotations

import contextlib
import os
import shutil
import weakref

from scripts.web_assets import NotToBeHad, package
from tests.peers import missing

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_lines = weakref.WeakKeyDictionary()
_COMPLAINTS = ("Content Security Policy", "Content-Security-Policy", "Refused to", "integrity")


@contextlib.asynccontextmanager
async def started():
    """A browser without a window. As root it has no sandbox of its own; it only meets our own pages."""
    from playwright.async_api import async_playwright

    path = shutil.which("chromium")
    if path is None:
        missing("chromium is not installed")
    async with async_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=path, args=[*flags, "--disable-gpu"])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def opened(browser, url, **given):
    """A page in a window of its own. Whatever breaks the policy of a page, or a script, fails the test."""
    context = await browser.new_context(base_url=url, locale=given.pop("locale", "en-GB"), **given)
    complaints = []
    page = await context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if any(w in said.text for w in _COMPLAINTS) else None)
    try:
        yield page
    finally:
        await context.close()
    assert complaints == [], complaints


async def accessible(page, *, rules=None):
    """Hold the page that is shown against WCAG by axe-core. It is run apart from the page's own world and policy.

    `rules`: only these, where a look (dark) can break no others.
    """
    try:
        source = (package("axe-core@4.14.1") / "axe.min.js").read_text()
    except NotToBeHad as error:
        missing(str(error))
    # One line to the page for as long as it is there: ending a line ends what other lines have switched on (WebAuthn).
    if page not in _lines:
        _lines[page] = await page.context.new_cdp_session(page)
    session = _lines[page]
    tree = await session.send("Page.getFrameTree")
    frame = tree["frameTree"]["frame"]["id"]
    world = await session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
    context = world["executionContextId"]
    await session.send("Runtime.evaluate", {"expression": source, "contextId": context})
    asked = (
        f"axe.run(document, {{runOnly: {rules or RULES}, resultTypes: ['violations'], preload: false}})"
        ".then(told => JSON.stringify("
        "told.violations.map(one => [one.id, one.nodes.map(node => node.html + ' ' + node.failureSummary)])))"
    )
    told = await session.send(
        "Runtime.evaluate",
        {"expression": asked, "contextId": context, "awaitPromise": True, "returnByValue": True},
    )
    assert told["result"].get("value") == "[]", f"{page.url}: {told}"


async def with_an_authenticator(page, *, derives=False):
    """A telephone's worth of authenticator, by Chromium's own protocol: it verifies its owner, and keeps keys.

    `derives`: it can derive secrets too (WebAuthn's PRF).
    """
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        "hasPrf": derives,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
