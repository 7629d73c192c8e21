"""The figures of a campaign by Daft, an engine that runs on one machine or on many, from the Parquet that the desk has.

Run in an environment of its own (`make build/daft/.ready`, which `make test` does), since Daft wants another pyarrow: JSON in, JSON out. It is
given facts (file, alias, owner, state, mask), the map (alias, strict, loose), when each file was stored, and the names
of bits and states; docs/scale.md.
"""

from __future__ import annotations

import json
import os
import sys

import daft
from daft import col

_STATES = 64


def by_daft(given):
    """Every breakdown, as `bench.replay` has it from the desk and from DuckDB."""
    places = daft.from_pydict({"file": given["order"], "place": list(range(len(given["order"])))})
    places = places.with_column("file", col("file").cast(daft.DataType.uint32()))
    told = daft.read_parquet(given["facts"]).join(daft.read_parquet(given["maps"]), on="alias")
    told = told.join(places, on="file")
    owned = told.select("strict", "owner").distinct()
    by_owner = owned.groupby("owner").agg(col("strict").count().alias("people")).to_pylist()
    times = owned.groupby("strict").agg(col("owner").count().alias("owners"))
    whole = daft.DataType.int64()
    kinds = [
        (col("mask") & bit).cast(daft.DataType.bool()).cast(whole).max().alias(name)
        for name, bit in given["bits"].items()
    ]
    people = told.groupby("strict").agg(*kinds)
    classes = people.agg(*(col(name).sum() for name in given["bits"])).to_pylist()[0]
    return {
        "strict": people.count_rows(),
        "loose": told.select("loose").distinct().count_rows(),
        "shared": times.where(col("owners") > 1).count_rows(),
        "owners_sum": sum(row["people"] for row in by_owner),
        "by_owner": {f"owner {row['owner']}": row["people"] for row in by_owner},
        "by_state": by_state(told, people.count_rows(), given["regions"]),
        "by_class": {name: int(count) for name, count in classes.items() if count},
    }


def by_state(told, people, regions):
    """The state of the latest dated address of each person; of one file the last of its rows."""
    dated = told.where(col("state") != 0)
    latest = dated.groupby("strict").agg(col("place").max().alias("latest"))
    wide = daft.DataType.int64()
    last = (col("owner").cast(wide) * 2**32 + col("alias").cast(wide)) * _STATES + col("state").cast(wide)
    chosen = dated.join(latest, on="strict").where(col("place") == col("latest"))
    chosen = chosen.groupby("strict").agg(last.max().alias("last")).with_column("code", col("last") % _STATES)
    states = chosen.groupby("code").agg(col("strict").count().alias("people")).to_pylist()
    found = {regions[row["code"]]: row["people"] for row in states}
    untold = people - sum(found.values())
    return found | ({regions[0]: untold} if untold else {})


if __name__ == "__main__":
    json.dump(by_daft(json.load(sys.stdin)), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # a thread of the engine's that outlived the interpreter was seen to end the process by a signal
