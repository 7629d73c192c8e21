"""OpenSSH's own programs as clients: sftp, and scp in both its modes."""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import stat

import pytest

from sealane.operations.files import EndDownload
from sealane.settings import Settings
from tests.doors.sftp.house import settled, until
from tests.peers import need

pytestmark = pytest.mark.slow
MIB = 1 << 20
THEN = 1_400_000_000


@pytest.fixture(autouse=True)
def programs():
    need("sftp")
    need("scp")


@pytest.fixture
def tree(tmp_path):
    """A small tree with files of awkward sizes and names, some time ago."""
    root = tmp_path / "tree"
    for name, size in (
        ("empty", 0),
        ("one", 1),
        ("slot", 256 * 1024),
        ("more", 256 * 1024 + 1),
        ("deep/er/Ünï cöde", 70_000),
        ("deep/with space", 10),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(secrets.token_bytes(size))
        os.utime(path, (THEN, THEN + size % 1000))
    return root


def contents(root):
    return {
        str(path.relative_to(root)): (path.read_bytes(), int(path.stat().st_mtime))
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


async def test_put_and_get_keep_bytes_and_times(house, tree):
    await house.sftp_batch(f"put -p -r {tree} /in/")
    await house.sftp_batch("get -p -r /in/tree back", "carl")
    assert contents(house.home / "back") == contents(tree)


async def test_a_large_file_goes_up_and_down(house):
    source = house.home / "large"
    source.write_bytes(secrets.token_bytes(40 * MIB + 3))
    await house.sftp_batch("put large /in/large\nget /in/large back")
    assert (house.home / "back").read_bytes() == source.read_bytes()


async def test_an_interrupted_put_is_resumed_by_reput(house):
    source = house.home / "large"
    content = secrets.token_bytes(24 * MIB)
    source.write_bytes(content)
    words = ["sftp", *house.ssh_options(), "-P", house.port, "-l", "60000", "-b", "-", "127.0.0.1"]
    process = await asyncio.create_subprocess_exec(
        *map(str, words), stdin=asyncio.subprocess.PIPE, cwd=house.home, stdout=asyncio.subprocess.DEVNULL
    )
    process.stdin.write(b"put large /in/large\n")
    await until(lambda: any(upload.size > 2 * MIB for upload in house.writing()))
    process.kill()
    await process.wait()
    await settled(house)
    async with house.sftp("ann") as client:
        arrived = (await client.stat("/in/large")).size
        assert 0 < arrived < len(content)
    await house.sftp_batch("reput large /in/large")
    assert await house.content("/in/large", "carl") == content


async def test_an_interrupted_get_is_resumed_by_reget(house):
    content = secrets.token_bytes(9 * MIB)
    async with house.sftp("ann") as client, client.open("/in/f", "wb") as file:
        await file.write(content)
    (house.home / "back").write_bytes(content[: 4 * MIB])
    told = []
    ask = house.door.ask_any

    async def listening(operation):
        if isinstance(operation, EndDownload):
            told.append(operation)
        return await ask(operation)

    house.door.ask_any = listening
    await house.sftp_batch("reget /in/f back")
    assert (house.home / "back").read_bytes() == content
    await house.door.finish_tasks()
    (download,) = told
    assert download.ranges == ((4 * MIB, 9 * MIB),)


async def test_rename_replaces_a_target_and_links_are_refused_clearly(house):
    (house.home / "a").write_text("a")
    (house.home / "b").write_text("b")
    await house.sftp_batch("put a /in/a\nput b /in/b\nrename /in/a /in/b")
    assert await house.content("/in/b") == b"a"
    status, told = await house.sftp_batch("symlink /in/b /in/link", check=False)
    assert status != 0
    assert "unsupported" in told.lower()
    status, told = await house.sftp_batch("ln /in/b /in/link", check=False)
    assert status != 0


async def test_the_ways_of_the_batch_language(house):
    told = (
        await house.sftp_batch(
            "mkdir /in/d\ncd /in/d\npwd\n!touch x\nput x .\nls -l\nrename x y\nls\nchmod 600 y\ndf /in\n"
            "rm y\ncd ..\nrmdir d\nls -a /in\nversion\n"
        )
    )[1]
    assert "Remote working directory: /in/d" in told
    assert "-rw-------" in told
    assert "SFTP protocol version 3" in told


async def test_a_folder_of_50000_files_is_listed(house):
    async with house.sftp("ann") as client:
        await client.mkdir("/in/many")
        async with client.open("/in/many/file-00000", "wb") as file:
            await file.write(b"x")
    _multiply(house, "many", 50_000)
    _, told = await house.sftp_batch("ls -1 /in/many", options=("-q",))
    listed = [line for line in told.splitlines() if line.startswith("/in/many/")]
    assert len(listed) == 50_000
    assert listed[0] == "/in/many/file-00000"
    assert listed[-1] == "/in/many/file-49999"


def _multiply(house, folder, how_many):
    """Write further rows like the folder's one file straight into the catalogue: what is tested is the listing."""
    with contextlib.closing(sqlite3.connect(house.keeper.data_dir / "catalogue.sqlite")) as catalogue, catalogue:
        columns = [row[1] for row in catalogue.execute("PRAGMA table_info(files)") if row[1] not in {"id", "name"}]
        names = ", ".join(columns)
        (folder_id,) = catalogue.execute("SELECT id FROM folders WHERE name = ?", (folder,)).fetchone()
        catalogue.executemany(
            f"INSERT INTO files (name, {names}) SELECT ?, {names} FROM files WHERE folder_id = ? LIMIT 1",
            ((f"file-{number:05}", folder_id) for number in range(1, how_many)),
        )


# --- scp ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["-O", "-s"], ids=["legacy", "sftp"])
async def test_scp_carries_trees_and_times_both_ways(house, tree, mode):
    scp = ["scp", mode, *house.ssh_options(), "-P", house.port]
    await house.run(*scp, "-p", "-r", tree, "127.0.0.1:/in/")
    assert await house.content("/in/tree/deep/er/Ünï cöde") == (tree / "deep/er/Ünï cöde").read_bytes()
    await house.run(*scp, "-p", "-r", "127.0.0.1:/in/tree", "back")
    assert contents(house.home / "back") == contents(tree)


@pytest.mark.parametrize("mode", ["-O", "-s"], ids=["legacy", "sftp"])
async def test_scp_carries_files_into_folders_and_onto_names(house, mode):
    scp = ["scp", mode, *house.ssh_options(), "-P", house.port]
    for name in ("one", "two"):
        (house.home / name).write_text(name * 1000)
    await house.run(*scp, "one", "two", "127.0.0.1:/in/")
    await house.run(*scp, "one", "127.0.0.1:/in/named")
    await house.run(*scp, "two", "127.0.0.1:/in/named")
    assert await house.content("/in/named") == b"two" * 1000
    (house.home / "back").mkdir()
    await house.run(*scp, "127.0.0.1:/in/*o*", "back")
    assert sorted(path.name for path in (house.home / "back").iterdir()) == ["one", "two"]
    assert (house.home / "back/one").read_text() == "one" * 1000
    assert not (house.home / "back/one").stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


async def test_legacy_scp_says_what_is_wrong_and_goes_on_with_the_rest(house):
    scp = ["scp", "-O", *house.ssh_options(), "-P", house.port]
    status, told = await house.run(*scp, "127.0.0.1:/in/nothing", "back", check=False)
    assert status == 1
    assert "There is no such file or folder." in told
    (house.home / "one").write_text("1")
    status, told = await house.run(*scp, "one", "127.0.0.1:/elsewhere/one", check=False)
    assert status == 1
    assert "no such file" in told.lower()
    status, told = await house.run(*scp, "127.0.0.1:/in", "back", check=False)
    assert status == 1
    assert "folder" in told
    status, told = await house.run(*scp, "one", "127.0.0.1:/in/../../x", check=False)
    assert status == 1
    assert "root" in told


async def test_a_legacy_scp_upload_that_is_cut_publishes_nothing(house):
    source = house.home / "large"
    source.write_bytes(secrets.token_bytes(24 * MIB))
    words = ["scp", "-O", "-l", "60000", *house.ssh_options(), "-P", house.port, "large", "127.0.0.1:/in/large"]
    process = await asyncio.create_subprocess_exec(*map(str, words), cwd=house.home)
    await until(lambda: any(upload.size > 2 * MIB for upload in house.writing()))
    process.kill()
    await process.wait()
    await settled(house)
    async with house.sftp("carl") as client:
        assert not await client.exists("/in/large")
    async with house.sftp("ann") as client:
        assert 2 * MIB < (await client.stat("/in/large")).size < 24 * MIB


async def test_a_file_that_its_sender_could_not_read_is_not_published(house):
    async with house.ssh("ann") as connection:
        process = await connection.create_process("scp -t /in", encoding=None)
        process.stdin.write(b"C0644 3 f\nabc\1scp: f: Input/output error\n")
        process.stdin.write_eof()
        told = await process.stdout.read()
        assert told.startswith(b"\0\0\1scp: /in/f: ")
        await process.wait()
        assert process.exit_status == 1
    await settled(house)
    async with house.sftp("carl") as client:
        assert not await client.exists("/in/f")


async def test_a_hostile_scp_client_reaches_nothing_outside_its_target(house):
    async with house.ssh("ann") as connection:
        for line in (
            b"C0644 1 ../evil\nx",
            b"C0644 1 a/b\nx",
            b"D0755 0 ..\n",
            b"X\n",
            b"C0644 1 " + b"n" * 5000 + b"\n",
        ):
            process = await connection.create_process("scp -r -t /in", encoding=None)
            assert await process.stdout.readexactly(1) == b"\0"
            process.stdin.write(line)
            process.stdin.write_eof()
            told = await process.stdout.read()
            assert told[:1] in (b"\1", b"\2", b"")
            await process.wait()
            assert process.exit_status == 1
    async with house.sftp("ann") as client:
        assert await client.listdir("/in") == []


class TestRekeyByOpenSsh:
    @pytest.fixture
    def door_settings(self):
        return Settings(sftp_rekey_bytes=MIB)

    async def test_data_survives_keys_that_both_sides_change(self, house):
        source = house.home / "large"
        source.write_bytes(secrets.token_bytes(16 * MIB))
        await house.sftp_batch("put large /in/large\nget /in/large back", options=("-o", "RekeyLimit=700K"))
        assert (house.home / "back").read_bytes() == source.read_bytes()
