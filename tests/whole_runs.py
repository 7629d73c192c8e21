"""A run of all the tests says at its end what broke the run itself, and which tests have no report.

A worker of xdist that meets an error outside a test ends, and the tests that it still had are neither passed nor
failed; that stands far above the end of the output, without the names of those tests. Here it stands at the end, and
where no test failed the names go to a file, so that `make test` runs what was left by one process. One cause is taken
away as well: a report crosses to us as UTF-8, and a test may have logged a string that is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

WITHOUT_REPORT = Path("build", "tests-without-report.txt")
_LINES_MAX = 60


def register(config: pytest.Config) -> None:
    """Watch this process' part of the run."""
    config.pluginmanager.register(_Tellable())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Account(config.rootpath / WITHOUT_REPORT))


class _Tellable:
    """In each process: a report in which every string can be written as UTF-8."""

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self):
        return _tellable((yield))


def _tellable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_tellable(key): _tellable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_tellable(item) for item in value)
    return value


class _Account:
    """In the process that gathers the reports: who was collected, who has reported, and what broke."""

    def __init__(self, left: Path) -> None:
        self._left = left
        self._collected: list[str] = []
        self._reported: set[str] = set()
        self._broken: list[str] = []
        self._failed = False

    def pytest_sessionstart(self):
        self._left.unlink(missing_ok=True)

    def pytest_collection_finish(self, session):
        self._collected = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        self._collected = ids

    def pytest_collectreport(self, report):
        self._failed |= report.failed

    def pytest_runtest_logreport(self, report):
        self._failed |= report.failed
        if report.when == "teardown":
            self._reported.add(report.nodeid)

    def pytest_internalerror(self, excrepr):
        self._broken.append(str(excrepr))

    def pytest_unconfigure(self):
        if not self._broken:
            return
        left = [test for test in self._collected if test not in self._reported]
        for broken in self._broken:
            print("\nBroken outside a test:", *broken.splitlines()[-_LINES_MAX:], sep="\n  ")
        print("\nWithout a report:", *left, sep="\n  ")
        if not self._failed:
            self._left.parent.mkdir(parents=True, exist_ok=True)
            self._left.write_text("".join(f"{test}\n" for test in left))
