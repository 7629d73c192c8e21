"""One Chromium for all tests of a module, and the door that it asks; each test has a window and a house of its own.

A module that imports these runs all of its tests in one event loop, the browser's: `pytestmark` names it.
"""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.doors.web.conftest import opened
from tests.peers import chromium

ONE_LOOP = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with chromium.started() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def port(house):
    async with opened(house) as port:
        yield port
