"""Real samples (X12, FHIR, C-CDA) against a truth that was made by hand, reading each file."""

import json
from pathlib import Path

import pytest

from tests.exposure.scanning import told

pytestmark = pytest.mark.slow  # together with the others they take longer than make check may

SAMPLES = Path(__file__).parents[3] / "shared" / "data"
TRUTH = json.loads((Path(__file__).parent / "samples.json").read_text())


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_a_sample_holds_the_people_and_classes_that_a_reader_finds_in_it(name):
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"the samples are not beside this repository: shared/data/{name}")
    found = told(path.read_bytes(), path.name)
    truth = TRUTH[name]
    assert {key: found[key] for key in truth} == truth
    assert found["coverage"] == "complete"
