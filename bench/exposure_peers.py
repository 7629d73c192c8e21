"""What presidio-analyzer and pyx12 find in the same text and tables, and how fast: `make bench-exposure-peers`.

They are no part of our dependencies (the extra `bench`). Presidio runs with an empty language model, so with its patterns,
checks and context words alone: its names of people and places, which a model finds, are not compared, and it is quicker so.
"""

import io
import json
import statistics
import tempfile
import time
from pathlib import Path

import pyx12.x12file
import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from bench.exposure import LABELS, TEXT, TODAY, WRITERS, nineteen_columns, people, roster, scan
from sealane.exposure.prose.findings import findings
from tests.exposure.sentences import HELD_BACK, labelled, scores

KNOWN = {"US_SSN": "ssn", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "CREDIT_CARD": "card_number"}
"""The classes that both know."""


class Blank(SpacyNlpEngine):
    """A language engine that only splits words."""

    def __init__(self):
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}

    def load(self):
        pass


def analyzer():
    return AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])


def theirs(engine, text):
    found = engine.analyze(text=text, language="en", entities=list(KNOWN), score_threshold=0.35)
    return [(KNOWN[each.entity_type], each.start, each.end) for each in found]


def ours(text):
    return [(each.field, each.begin, each.end) for each in findings(text) if each.field in KNOWN.values()]


def texts():
    """The labelled sets: name, and pairs of a text and its spans."""
    if TEXT.exists():
        yield "public set (ours was tuned on it)", [
            (each["full_text"], [(LABELS[span["entity_type"]], span["start_position"], span["end_position"]) for span in each["spans"] if span["entity_type"] in LABELS])
            for each in json.loads(TEXT.read_text())
        ]  # fmt: skip
    yield (
        "held back",
        [
            (each.text, [span for span in each.spans if span[0] in KNOWN.values()])
            for each in labelled(HELD_BACK, 2, 600)
        ],
    )


def timed(pairs, find):
    """F1 of each class, and CPU seconds."""
    begun = time.process_time()
    return scores(pairs, find), time.process_time() - begun


def speeds(engine):
    """Bytes for each CPU second on a table, ours and theirs; theirs row by row as text."""
    content = nineteen_columns(100_000)
    taken = []
    for _ in range(3):
        begun = time.process_time()
        scan(io.BytesIO(content), "x.csv", today=TODAY, listed=True)
        taken.append(time.process_time() - begun)
    lines = content.decode().splitlines()[1:101]
    begun = time.process_time()
    for line in lines:
        theirs(engine, line)
    return len(content) / statistics.median(taken), sum(map(len, lines)) / (time.process_time() - begun)


def segments():
    """Bytes of 837 for each CPU second: ours to people, pyx12 to segments alone."""
    # pyx12 reads ASCII alone.
    content = WRITERS["837"][0](roster(people(1, 2_000), 1)).decode().encode("ascii", "replace")
    begun = time.process_time()
    scan(io.BytesIO(content), "x.837", today=TODAY)
    mine = len(content) / (time.process_time() - begun)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.837"
        path.write_bytes(content)
        begun = time.process_time()
        count = sum(1 for _ in pyx12.x12file.X12Reader(str(path)))
        other = len(content) / (time.process_time() - begun)
    assert count > 1000
    return mine, other


def main() -> None:
    engine = analyzer()
    for name, pairs in texts():
        mine, quick = timed(pairs, ours)
        other, slow = timed(pairs, lambda text: theirs(engine, text))
        print(f"{name}: {len(pairs)} texts; {slow / quick:.0f} times their speed")
        for kind in sorted(set(mine) | set(other)):
            print(f"  {kind:14} F1 ours {mine.get(kind, 0):.3f}  presidio {other.get(kind, 0):.3f}")
    mine, other = speeds(engine)
    print(f"csv: ours {mine / 2**20:.1f} MiB/cpu-s, presidio {other / 2**20:.4f}; {mine / other:.0f} times")
    mine, other = segments()
    print(
        f"837: ours {mine / 2**20:.1f} MiB/cpu-s to people, pyx12 {other / 2**20:.2f} to segments; {mine / other:.1f} times"
    )


if __name__ == "__main__":
    main()
