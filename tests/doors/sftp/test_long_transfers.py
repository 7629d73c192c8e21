"""A session in which a transfer runs is told to be in use, however long nothing else is asked."""

import pytest

from sealane.operations.signing import KeepAlive
from tests.doors.sftp.house import until

pytestmark = pytest.mark.slow  # each test opens a whole keeper; together they take longer than make check may


async def test_a_session_is_kept_alive_while_a_file_is_open_in_it_and_only_then(house, monkeypatch):
    asked = []
    ask = house.door.ask_any

    async def listened(operation):
        asked.append(type(operation))
        return await ask(operation)

    monkeypatch.setattr(house.door, "ask_any", listened)
    async with house.sftp("ann") as client:
        (connection,) = house.door.connections
        connection._keep_alive()
        await client.stat("/in")
        assert KeepAlive not in asked
        async with client.open("/in/long", "wb") as file:
            await file.write(b"x")
            connection._keep_alive()
            await until(lambda: KeepAlive in asked)
    await until(lambda: connection._gone)
    assert connection._alive_timer.cancelled()
