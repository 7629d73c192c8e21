"""`sealane exposure scan` on a local file, as programs and people call it."""

import json
import stat

import pytest
from click.testing import CliRunner

from sealane.cli.main import cli
from tests.exposure.populations import people, roster
from tests.exposure.rosters import delimited

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

MADE = people(seed=2, households=5)
CONTENT = delimited(roster(MADE, seed=2))


def run(*arguments):
    return CliRunner().invoke(cli, ["exposure", "scan", *map(str, arguments)])


def test_json_has_the_shape_that_scripts_rely_on(tmp_path):
    file = tmp_path / "members.csv"
    file.write_bytes(CONTENT)
    told = json.loads(run(file, "--json").output)
    assert list(told) == [
        *("file", "format", "coverage", "unreadable", "records", "people", "classes", "states", "owners"),
    ]
    assert told["file"] == "members.csv"
    assert told["people"] == len(MADE)
    assert sum(told["states"].values()) == sum(told["owners"].values()) == len(MADE)


def test_people_are_written_to_a_new_file_for_their_owner_alone(tmp_path):
    file, out = tmp_path / "members.csv", tmp_path / "people.jsonl"
    file.write_bytes(CONTENT)
    assert run(file, "--people", out).exit_code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["ssn"] for line in lines} == {person.ssn for person in MADE}
    assert set(lines[0]["address"]) <= {"line", "city", "state", "zip"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_list_that_is_there_is_not_overwritten(tmp_path):
    file, out = tmp_path / "members.csv", tmp_path / "people.jsonl"
    file.write_bytes(CONTENT)
    out.write_text("mine")
    done = run(file, "--people", out)
    assert done.exit_code == 1
    assert "(people-file-exists)" in done.output
    assert out.read_text() == "mine"


def test_an_administrators_layout_decides(tmp_path):
    file, layout = tmp_path / "x.csv", tmp_path / "layout.json"
    file.write_text("who,nr\nAnn Lee,44\nBob Ray,45\n")
    layout.write_text('{"columns": {"nr": "member_id", "who": "full_name"}}')
    assert json.loads(run(file, "--json", "--layout", layout).output)["classes"] == {"name": 2, "member_id": 2}
    layout.write_text('{"columns": {"nr": "shoe_size"}}')
    refused = run(file, "--layout", layout)
    assert (refused.exit_code, "(layout-invalid)" in refused.output) == (1, True)


def test_names_from_inside_a_file_do_not_steer_a_terminal(tmp_path):
    file = tmp_path / "x.zip"
    from tests.exposure.test_exposure_hostile import zipped

    file.write_bytes(zipped(**{"\x1b[2Jp.png": b"\x89PNG\r\n\x1a\n"}))
    done = run(file)
    assert "\x1b" not in done.output
    assert "image-only" in done.output
