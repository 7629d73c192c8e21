"""When one machine is outgrown: other engines answer the same from the same Parquet (docs/scale.md)."""

from pathlib import Path

import pytest

from bench import campaign, replay
from tests.peers import need

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # two engines start


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return campaign.write(tmp_path_factory.mktemp("campaign"), 20_000)


@pytest.fixture(scope="module")
def ours(made):
    return replay.by_the_desk(made)


def test_a_campaign_is_the_same_each_time(made, tmp_path):
    again = campaign.write(tmp_path, 20_000)
    for name in ("facts", "maps"):
        assert (tmp_path / f"{name}.parquet").read_bytes() == Path(getattr(made, name)).read_bytes()
    assert again.people == made.people < made.aliases < made.pairs


def test_the_figures_are_whole(made, ours):
    assert ours["strict"] == sum(ours["by_state"].values()) == made.people
    assert ours["loose"] < ours["strict"] < ours["owners_sum"]
    assert 0 < ours["shared"] < ours["strict"]
    assert "unknown" in ours["by_state"]


def test_duckdb_answers_the_same_cell_by_cell(made, ours, tmp_path):
    wrong, cells = replay.differing(ours, replay.by_duckdb(made, tmp_path, made.aliases // 3))
    assert not wrong
    assert cells > 80


def test_daft_answers_the_same_cell_by_cell(made, ours):
    python = need("build/daft/bin/python", at=str(ROOT / "build/daft/bin/python"))
    wrong, cells = replay.differing(ours, replay.by_daft(made, python))
    assert not wrong
    assert cells > 80


def test_a_cell_that_differs_is_named(ours):
    other = ours | {"by_state": ours["by_state"] | {"ME": -1}}
    assert replay.differing(ours, other)[0] == [("by_state", "ME", ours["by_state"]["ME"], -1)]
