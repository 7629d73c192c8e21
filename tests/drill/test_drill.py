"""The drill's own reckoning: who it puts into which file, and that a wrong figure is never called exact.

The whole drill runs in `make demo`, with a server of its own.
"""

import csv
import io
import json
from collections import Counter

import pytest
from click.testing import CliRunner

from sealane.cli.main import EXIT_INTEGRITY, cli
from sealane.drill import breach, invented
from sealane.drill.answers import Check
from sealane.drill.breach import Played
from sealane.drill.invented import CLAIMS, ENROLMENT, FAX, FILES, Truth
from sealane.drill.thefts import Loot

pytestmark = pytest.mark.slow  # together they take longer than make check may


def people_in(files):
    """Who is in these files, by what the files themselves say."""
    found = {}
    for file in files:
        if file.people:
            for row in csv.DictReader(io.StringIO(file.content().decode())):
                found.setdefault((row["first_name"], row["last_name"], row["birth_date"]), []).append(row)
    return found


@pytest.mark.parametrize("files", [FILES, (ENROLMENT, CLAIMS, FAX), (FAX,)])
def test_what_is_known_to_be_true_is_what_the_files_say(files):
    told, truth = people_in(files), Truth.of(files)
    assert truth.people == len(told)
    owners = Counter(owner for rows in told.values() for owner in {row["plan name"] for row in rows})
    assert truth.by_owner == dict(owners)
    assert truth.by_state == dict(Counter(rows[0]["state"] for rows in told.values()))
    assert truth.by_class.get("ssn", 0) == sum(any(row.get("ssn") for row in rows) for rows in told.values())
    assert truth.shared == sum(len({row["plan name"] for row in rows}) > 1 for rows in told.values())


def test_nobody_is_anybody_else():
    words = invented.names_and_numbers()
    assert len(set(words)) == len(words)
    assert all(len(word) >= 8 for word in words)


def test_one_wrong_figure_is_not_exact():
    played = Played(checks=[Check("people", 300, 300)])
    assert played.exact
    played.checks.append(Check("letters", 300, 299))
    assert not played.exact
    told = json.loads(played.as_json())
    assert [one["exact"] for one in told["checks"]] == [True, False]


@pytest.mark.parametrize(
    "loot",
    [
        {"opened": [file.path for file in FILES], "shut": []},
        {"lists_opened": 1},
        {"clear": 1},
        {"opened_without_keys": 5},
        {"opened": [FILES[0].path]},
    ],
)
def test_a_thief_who_reads_other_than_they_should_is_told(loot):
    ordinary, sealed = ([file.path for file in FILES if file.sealed is kind] for kind in (False, True))
    well = {"opened": ordinary, "shut": sealed, "lists": 5, "keys_tried": 1}
    assert all(check.exact for check in breach._of_the_thief(Loot(**well)))
    assert not all(check.exact for check in breach._of_the_thief(Loot(**(well | loot))))


@pytest.mark.parametrize(("found", "code"), [(3, 0), (2, EXIT_INTEGRITY)])
def test_the_exit_code_says_whether_it_was_exact(monkeypatch, found, code):
    played = Played(checks=[Check("people", 3, found)])
    monkeypatch.setattr(breach, "play", lambda _place, _say, _keep: played)
    done = CliRunner().invoke(cli, ["drill", "breach", "--json"])
    assert done.exit_code == code
    assert json.loads(done.stdout.splitlines()[0])["exact"] is (code == 0)
    assert ("drill-not-exact" in done.output) is (code != 0)
