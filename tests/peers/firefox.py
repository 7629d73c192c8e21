"""Debian's Firefox, driven over its own Marionette: W3C WebDriver as JSON on a socket, with nothing between.

Playwright drives a Firefox of its own making, or one newer than Debian's: 1.65 asks for what 153 does not know.

async with started(folder) as firefox:
    await firefox.goto(url)
    await firefox.click("a.button")             # waits until there is one
    paths = await firefox.downloads(1)
    assert await firefox.complaints() == []     # what its console says of policies that were broken
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re

from tests.peers import need

WAIT_SECONDS = 90
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver, section 12: the name that stands for an element
_PREFERENCES = {
    "marionette.port": 0,
    "browser.download.folderList": 2,
    "browser.download.alwaysOpenPanel": False,
    "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
}
_DOWNLOADED = """
const [count, done] = arguments
const { Downloads } = ChromeUtils.importESModule("resource://gre/modules/Downloads.sys.mjs")
const ended = new Map()
const look = (one) => {
  if (one.succeeded || one.error) ended.set(one, one.succeeded ? one.target.path : "failed: " + one.error)
  if (ended.size >= count) done([...ended.values()])
}
Downloads.getList(Downloads.ALL).then((list) => list.addView({ onDownloadAdded: look, onDownloadChanged: look }))
"""
_COMPLAINTS = """
return Services.console.getMessageArray().map(String).filter((one) => /Content-Security-Policy|Trusted Types/.test(one))
"""


class Failed(Exception):
    """Firefox could not do it."""


class Firefox:
    """A window without a screen."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak on a connection to Marionette."""
        self._reader, self._writer = reader, writer
        self._number = 0

    async def ask(self, command: str, **given):
        """Ask one command; return what it says."""
        self._number += 1
        text = json.dumps([0, self._number, command, given])
        self._writer.write(f"{len(text)}:{text}".encode())
        await self._writer.drain()
        _, _, error, told = await asyncio.wait_for(self.hear(), 2 * WAIT_SECONDS)
        if error is not None:
            raise Failed(f"{command} {given}: {error['message']}")
        return told.get("value") if isinstance(told, dict) and set(told) == {"value"} else told

    async def hear(self):
        """Return the next message."""
        length = await self._reader.readuntil(b":")
        return json.loads(await self._reader.readexactly(int(length[:-1])))

    async def goto(self, address):
        """Go to a page."""
        await self.ask("WebDriver:Navigate", url=address)

    async def find(self, selector):
        """Wait until there is such an element; return it."""
        return (await self.ask("WebDriver:FindElement", using="css selector", value=selector))[_ELEMENT]

    async def click(self, selector):
        """Press it."""
        await self.ask("WebDriver:ElementClick", id=await self.find(selector))

    async def type(self, selector, text):
        """Type into a field; into one for files, their path."""
        await self.ask("WebDriver:ElementSendKeys", id=await self.find(selector), text=str(text))

    async def downloads(self, count):
        """Wait until so many downloads have ended; return where they are."""
        async with self._inside():
            return await self.ask("WebDriver:ExecuteAsyncScript", script=_DOWNLOADED, args=[count])

    async def complaints(self):
        """Return what its console says of policies that were broken."""
        async with self._inside():
            return await self.ask("WebDriver:ExecuteScript", script=_COMPLAINTS, args=[])

    @contextlib.asynccontextmanager
    async def _inside(self):
        """Speak with the browser itself meanwhile, not with the page."""
        await self.ask("Marionette:SetContext", value="chrome")
        yield
        await self.ask("Marionette:SetContext", value="content")


@contextlib.asynccontextmanager
async def started(folder):
    """A Firefox with a profile of its own in this folder, which also takes what it downloads."""
    path = need("firefox-esr")
    profile, downloads = folder / "profile", folder / "downloads"
    profile.mkdir()
    downloads.mkdir()
    preferences = _PREFERENCES | {"browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines))
    flags = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", str(profile)]
    process = await asyncio.create_subprocess_exec(
        path,
        *flags,
        env={**os.environ, "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    reading = None
    try:
        port = await asyncio.wait_for(_port(process.stdout), WAIT_SECONDS)
        reading = asyncio.create_task(process.stdout.read())
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
        firefox = Firefox(reader, writer)
        await firefox.hear()  # who it is
        await firefox.ask("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})
        milliseconds = WAIT_SECONDS * 1000
        await firefox.ask("WebDriver:SetTimeouts", implicit=milliseconds, script=milliseconds, pageLoad=milliseconds)
        yield firefox
        writer.close()
    finally:
        if reading is not None:
            reading.cancel()
        process.kill()
        await process.wait()


async def _port(said):
    """Return where Marionette listens, from what Firefox says at its start."""
    heard = b""
    while line := await said.readline():
        heard += line
        if found := re.search(rb"Listening on port (\d+)", line):
            return int(found[1])
    raise Failed(f"Firefox did not start: {heard[-2000:]!r}")
