"""When a folder publishes, said and seen by HTTP."""

import pytest

from sealane.operations.accounts import SetRole

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

FOLDER = "/api/v1/exposure/folders/in"


async def test_an_administrator_sets_a_folder_and_sees_what_waits(house):
    house.keeper.admin(SetRole(user="anna@clinic", role="admin"))
    token = house.token(scopes=("read", "write", "admin"))
    async with house.open() as door, door.client(token=token) as anna:
        before = (await anna.get(FOLDER)).json()
        assert (before["publish"], before["said_here"]) == ("at-once", False)
        answer = await anna.patch(FOLDER, json={"publish": "after-reading", "unread_after_seconds": 60})
        assert answer.status_code == 200
        assert (await anna.get(FOLDER)).json() == answer.json() == before | {
            "publish": "after-reading", "unread_after_seconds": 60, "said_here": True,
        }  # fmt: skip
        for wrong in ({"publish": "never"}, {"owner": "x"}, {"unread_after_seconds": -1}, []):
            assert (await anna.patch(FOLDER, json=wrong)).json()["code"] == "invalid"
        assert (await anna.patch(FOLDER, content=b"{}")).status_code == 415
        queue = (await anna.get("/api/v1/exposure/queue")).json()
        assert (queue["held_files"], queue["behind"]) == (0, False)
        described = (await anna.get("/api/v1/openapi.json")).json()
        assert {"get", "patch"} <= set(described["paths"]["/api/v1/exposure/folders/{path}"])
        assert "NewFolderReading" in described["components"]["schemas"]


async def test_who_administers_nothing_is_refused(anna):
    assert (await anna.patch(FOLDER, json={"publish": "at-once"})).status_code == 403
    assert (await anna.get("/api/v1/exposure/queue")).status_code == 403
