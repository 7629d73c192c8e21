"""What a run of the tests says of itself when a worker breaks: seen in small runs of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.whole_runs import WITHOUT_REPORT

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CONFTEST = "from tests.whole_runs import register as pytest_configure\n"
BREAKING = """
import os, pytest

BROKEN = not os.path.exists("mended")

class Breaking:
    def pytest_runtest_logreport(self):
        raise ArithmeticError("a hook of a worker")

@pytest.mark.parametrize("number", range(8))
def test_breaking(number, request):
    assert number != FAILING
    if number == 6 and BROKEN:
        request.config.pluginmanager.register(Breaking())
"""


def run(tmp_path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in `tmp_path` with the watch and with nothing else of ours."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)


def run_by_two(tmp_path, tests: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_small.py").write_text(tests)
    return run(tmp_path, "-n", "2", "--dist", "worksteal")


def test_what_is_no_utf8_in_a_log_costs_no_worker(tmp_path):
    ran = run_by_two(
        tmp_path,
        "import logging, pytest\n"
        "@pytest.mark.parametrize('number', range(8))\n"
        "def test_logging(number):\n"
        "    logging.getLogger('names').warning('a \\udc80 name %d', number)\n"
        "    assert number != 6\n",
    )
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout
    assert "1 failed, 7 passed" in ran.stdout
    assert "a \\udc80 name 6" in ran.stdout
    assert not (tmp_path / WITHOUT_REPORT).exists()


def test_a_worker_that_breaks_is_told_at_the_end_and_what_it_takes_along_can_be_run(tmp_path):
    ran = run_by_two(tmp_path, BREAKING.replace("FAILING", "None"))
    assert ran.returncode == pytest.ExitCode.INTERNAL_ERROR, ran.stdout
    broken, _, left = ran.stdout.partition("Broken outside a test:")[2].partition("Without a report:")
    assert "ArithmeticError: a hook of a worker" in broken
    assert "test_small.py::test_breaking[6]" in left
    names = (tmp_path / WITHOUT_REPORT).read_text().splitlines()
    assert names == left.split()
    (tmp_path / "mended").touch()
    again = run(tmp_path, f"@{WITHOUT_REPORT}")
    assert (again.returncode, f"{len(names)} passed" in again.stdout) == (0, True), again.stdout
    assert not (tmp_path / WITHOUT_REPORT).exists()


def test_where_a_test_failed_too_nothing_is_left_to_run(tmp_path):
    (tmp_path / "test_small.py").write_text(BREAKING.replace("FAILING", "4"))
    ran = run(tmp_path)
    assert ran.returncode == pytest.ExitCode.INTERNAL_ERROR, ran.stdout
    assert ran.stdout.partition("Without a report:")[2].split() == [
        "test_small.py::test_breaking[6]",
        "test_small.py::test_breaking[7]",
    ]
    assert not (tmp_path / WITHOUT_REPORT).exists()
