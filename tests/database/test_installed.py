"""The migrations are in the wheel, and a program installed from it makes its schema."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIGRATE = """
import sys
import sealane
from sealane.database.engine import Database
assert sealane.__file__.startswith(sys.argv[1]), sealane.__file__
database = Database.open(sys.argv[2])
database.migrate()
print(len(database._driver.query("SELECT name FROM sqlite_master", ())))
"""


@pytest.mark.slow
def test_a_program_from_the_wheel_makes_its_schema(tmp_path):
    wheels, installed = tmp_path / "wheels", tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = wheels.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(installed)
    result = subprocess.run(
        [sys.executable, "-c", MIGRATE, str(installed), f"sqlite:///{tmp_path}/catalogue.sqlite"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 40
