"""`make fuzz`: any bytes are scanned without a crash, a hang or memory out of bounds. Runs until it is told to stop.

`python -m tests.exposure.fuzz [--corpus FOLDER] [libFuzzer's options]`. Begins with one small file of each format.
"""

import io
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sealane.exposure"]):
    from sealane.exposure.people import coded
    from sealane.exposure.people.lists import read_list, write_list
    from sealane.exposure.readers import hl7_columns, x12_columns
    from sealane.exposure.scan import scan
    from tests.exposure.populations import people, roster
    from tests.exposure.rosters import WRITERS
    from tests.exposure.scanning import TODAY, limits

LIMITS = limits(
    buffered_bytes_max=1 << 20,
    record_bytes_max=1 << 18,
    document_bytes_max=1 << 20,
    expanded_bytes_max=1 << 22,
    expansion_bytes_free=1 << 20,
    mentions_max=50_000,
    sheet_cells_max=100_000,
    block_bytes=1 << 14,
)
NAMES = ["x", "x.csv", "x.txt", "x.json", "x.xml", "x.eml"]
SECONDS_MAX = 20
"""A scan of a small file that takes longer hangs."""


def tried(data: bytes) -> None:
    """Scan one input; its first byte chooses a name. A reader that fails is told as a failure of the reader."""
    name = NAMES[data[0] % len(NAMES)] if data else "x"
    begun = time.process_time()
    found = scan(io.BytesIO(data[1:]), name, today=TODAY, listed=True, limits=LIMITS)
    listed = io.BytesIO()
    count = write_list(found.crowd.people(), listed)
    assert count == found.count.people == sum(map(len, read_list(io.BytesIO(listed.getvalue()))))
    assert sum(found.count.states.values()) == count
    assert found.coverage.value == "complete" or found.unreadable
    assert time.process_time() - begun < SECONDS_MAX, "a scan hangs"


class Refusing(logging.Handler):
    """Turns the scan's own report of a reader that failed, which it survives, into a failure of this run."""

    def emit(self, record):
        raise AssertionError(record.getMessage())


def seeds(folder: Path) -> None:
    """Write one small file of each format."""
    rows = roster(people(1, 2), 1)
    for name, (write, _) in WRITERS.items():
        (folder / name).write_bytes(b"\0" + write(rows))


def main() -> None:
    if "--strict" in sys.argv:
        sys.argv.remove("--strict")
        handler = Refusing()
        logging.getLogger("sealane.exposure.scan").addHandler(handler)
    logging.getLogger("sealane.exposure.scan").propagate = False
    # The short ways are taken by small inputs too.
    coded._ROWS_LEAST = hl7_columns._LEAST = x12_columns._GROUPS_LEAST = 1
    corpus = Path(tempfile.mkdtemp(prefix="sealane-fuzz-"))
    seeds(corpus)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    atheris.Setup([*sys.argv, str(corpus)], tried)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
