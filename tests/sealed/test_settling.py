"""The settle time over SFTP on a real server: until it is over a closed file is its sender's to go on with."""

import pytest

from tests.peers import need
from tests.running_server import RunningServer
from tests.sealed.test_clients import Sealed
from tests.sealed.test_killed import connected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    for program in ("age", "age-keygen", "curl"):
        need(program)
    folder = tmp_path_factory.mktemp("settling")
    (folder / "server").mkdir()
    with RunningServer.started(folder / "server", workers=2) as server:
        made = Sealed(folder, server)
        server.sealane("folder", "seal", "clinic:/in", "--settle", "1h")
        yield made


@pytest.fixture
def files(sealed):
    with connected(sealed) as client, client.open_sftp() as opened:
        yield opened


def put(files, name, content):
    with files.open(f"/in/{name}", "w") as file:
        file.write(content)


def is_there(sealed, name):
    told = sealed.server.run("audit", "log", "--file", f"clinic:/in/{name}", "--json").stdout
    return "file_sealed" in told or "upload_finished" in told


@pytest.mark.parametrize("suffix", [".part", ".filepart", ".tmp", ".PARTIAL"])
def test_its_final_name_says_that_it_is_whole(sealed, files, suffix):
    name = f"renamed{suffix[1:]}"
    put(files, name + suffix, b"whole")
    files.rename(f"/in/{name}{suffix}", f"/in/{name}")
    assert files.stat(f"/in/{name}").st_size == 5
    assert sealed.opened(name) == b"whole"


def test_a_closed_file_has_its_plain_size_and_no_age_file_yet(sealed, files):
    put(files, "closed", b"closed")
    assert files.stat("/in/closed").st_size == 6
    assert "closed" in files.listdir("/in")
    with pytest.raises(FileNotFoundError):
        files.stat("/in/closed.age")
    assert not is_there(sealed, "closed")


def test_its_sender_goes_on_with_it_on_another_connection_and_worker(sealed, files):
    put(files, "goes-on.part", b"begun")
    for number in range(4):
        with connected(sealed) as client, client.open_sftp() as others, others.open("/in/goes-on.part", "a") as file:
            file.write(b" and %d" % number)
    files.rename("/in/goes-on.part", "/in/goes-on")
    assert sealed.opened("goes-on") == b"begun and 0 and 1 and 2 and 3"


def test_opened_and_closed_again_it_is_as_it_was(sealed, files):
    put(files, "touched.part", b"acknowledged")
    with files.open("/in/touched.part", "r+"):
        pass
    files.rename("/in/touched.part", "/in/touched")
    assert sealed.opened("touched") == b"acknowledged"


def test_its_sender_may_remove_it(files):
    put(files, "removed", b"not meant")
    files.remove("/in/removed")
    with pytest.raises(FileNotFoundError):
        files.stat("/in/removed")


def test_no_folder_takes_its_name_and_no_one_else_reads_it(files):
    put(files, "taken", b"taken")
    with pytest.raises(OSError):
        files.mkdir("/in/taken")
    with pytest.raises(OSError), files.open("/in/taken", "r") as file:
        file.read()
