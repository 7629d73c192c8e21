"""The rows of the tables: what is compared with what, how good it must be, and what a run's figures come to."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.work import Bench


@dataclass(frozen=True)
class Goal:
    """A line of a table of figures in an issue."""

    unit: str
    better: str
    at_least: float
    aim: float
    peer: str
    client: str


OPENSSH = "openssh-server"
GOALS = {
    "sftp-up-large": Goal("cpu-s/GiB", "lower", 1.2, 0.95, OPENSSH, "openssh"),
    "sftp-down-large": Goal("cpu-s/GiB", "lower", 1.2, 0.9, OPENSSH, "openssh"),
    "sftp-rclone": Goal("cpu-s/GiB", "lower", 1.5, 1.1, OPENSSH, "rclone"),
    "sftp-lftp": Goal("cpu-s/GiB", "lower", 1.5, 1.1, OPENSSH, "lftp"),
    "sftp-go": Goal("cpu-s/GiB", "lower", 0.45, 0.3, "rclone-serve-sftp", "openssh"),
    "sftp-rate": Goal("MiB/s", "higher", 1.0, 1.3, OPENSSH, "openssh"),
    "sftp-small": Goal("files/s", "higher", 0.5, 1.0, OPENSSH, "openssh"),
    "sftp-small-32": Goal("files/s", "higher", 0.8, 1.5, OPENSSH, "openssh"),
    "sftp-login": Goal("cpu-ms", "lower", 0.6, 0.4, OPENSSH, "openssh"),
    "sftp-idle": Goal("KiB", "lower", 0.2, 0.1, OPENSSH, "openssh"),
    "https-up": Goal("cpu-s/GiB", "lower", 2.2, 1.7, "nginx", "curl"),
    "https-down": Goal("cpu-s/GiB", "lower", 1.6, 1.2, "nginx", "curl"),
    "https-go": Goal("cpu-s/GiB", "lower", 0.7, 0.5, "rclone-serve-webdav", "curl"),
    "https-down-sealed": Goal("cpu-s/GiB", "lower", 1.2, 1.0, "nginx", "curl"),
    "sealed-up": Goal("cpu-s/GiB", "lower", 1.3, 1.0, "own ordinary upload", "openssh"),
    "sealed-up-digested": Goal("cpu-s/GiB", "lower", 1.3, 1.0, "own ordinary upload", "openssh"),
    "parallel-200": Goal("MiB/s", "higher", 0.9, 1.0, "own single transfer", "curl"),
    "memory-200": Goal("MiB", "lower", 1.0, 0.5, "rclone-serve-webdav", "curl"),
    "client-80ms": Goal("MiB/s", "higher", 2.0, 3.0, "curl, one stream", "sealane"),
}
"""What the issues ask for; of lftp, of memory-200 and of client-80ms they ask nothing, and what stands here is ours."""


def results(bench: Bench, sha256_cost: float) -> list[dict[str, object]]:
    """Return the rows as `latest.json` has them: medians, and the worse direction where there are two.

    `sha256_cost`: CPU seconds that SHA-256 of a GiB costs here; of an upload it is noted how much of ours that is.
    """
    rows: list[dict[str, object]] = []
    for row, goal in GOALS.items():
        medians = {who: statistics.median(values) for who, values in bench.figures.get(row, {}).items()}
        pairs = []
        for who, ours in medians.items():
            direction = who.removeprefix("sealane")
            if direction != who and goal.peer + direction in medians:
                theirs = medians[goal.peer + direction]
                pairs.append((ours / theirs, ours, theirs, direction.strip()))
        pairs.sort(reverse=goal.better == "higher")  # the worst comes last
        rows += [
            _row(row, goal, pair, runs=bench.size.runs, sha256_cost=sha256_cost, worst=pair is pairs[-1])
            for pair in pairs
        ]
    return rows


def _row(
    row: str, goal: Goal, pair: tuple[float, float, float, str], *, runs: int, sha256_cost: float, worst: bool
) -> dict[str, object]:
    ratio, ours, theirs, direction = pair
    told: dict[str, object] = {
        "id": row if worst else f"{row} {direction}", "client": goal.client, "peer": goal.peer, "unit": goal.unit,
        "ours": round(ours, 3), "theirs": round(theirs, 3), "ratio": round(ratio, 3), "better": goal.better,
        "runs": runs, "at_least": goal.at_least, "aim": goal.aim, "direction": direction,
    }  # fmt: skip
    if goal.unit == "cpu-s/GiB" and (direction == "up" or row.endswith(("-up", "-up-large"))):
        told["digest_of_record"] = round(sha256_cost, 3)
        told["note"] = f"{sha256_cost:.2f} of ours ({sha256_cost / ours:.0%}) is the digest of record"
    return told
