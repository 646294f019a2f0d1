"""What a file of another form costs over the same table as plain CSV in UTF-8: time, and memory at most.

Each form is ingested by a process of its own into a warehouse of its own. Times are ratios of processor time to that of the plain file.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path


def ingest_one(path: Path, home: Path, dataset: str) -> dict[str, float]:
    """Ingest a file in this process; return seconds, megabytes at most, and rows that were accepted."""
    os.environ["WORKBENCH_HOME"] = str(home)
    from workbench.etl.ingest import ingest
    from workbench.sources.files import land
    from workbench.warehouse import connect

    land(str(path), dataset)
    warehouse = connect(create=True)
    wall, cpu = time.perf_counter(), time.process_time()
    (batch,) = ingest(warehouse).batches
    assert batch.status in ("loaded", "partial"), batch.message
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "accepted": batch.rows_accepted,
    }


def _array(plain: Path, path: Path, *, lines: bool = False) -> None:
    with plain.open(encoding="utf-8", newline="") as source, path.open("w", encoding="utf-8") as target:
        for place, row in enumerate(csv.DictReader(source)):
            target.write(("" if lines else "," if place else "[") + json.dumps(row) + ("\n" if lines else ""))
        target.write("" if lines else "]")


def _zstd(plain: Path, path: Path) -> None:
    import pyarrow

    with plain.open("rb") as source, pyarrow.CompressedOutputStream(str(path), "zstd") as target:
        while block := source.read(1 << 20):
            target.write(block)


def _gzip(plain: Path, path: Path) -> None:
    with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=6) as target:
        while block := source.read(1 << 20):
            target.write(block)


def _zip(plain: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "data.csv")


def _workbook(plain: Path, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("data")
    with plain.open(encoding="utf-8", newline="") as source:
        for row in csv.reader(source):
            sheet.append(row)
    book.save(path)


FORMS: dict[str, Callable[[Path, Path], None]] = {
    "plain.csv": lambda plain, path: path.symlink_to(plain),
    "utf16.csv": lambda plain, path: _encode(plain, path, "utf-16"),
    "western.csv": lambda plain, path: _encode(plain, path, "cp1252"),
    "gzip.csv.gz": _gzip,
    "zstd.csv.zst": _zstd,
    "zip.zip": _zip,
    "lines.jsonl": lambda plain, path: _array(plain, path, lines=True),
    "array.json": _array,
    "book.xlsx": _workbook,
}


def _encode(plain: Path, path: Path, encoding: str) -> None:
    with (
        plain.open(encoding="utf-8", newline="") as source,
        path.open("w", encoding=encoding, newline="") as target,
    ):
        while text := source.read(1 << 20):
            target.write(text)


def main() -> None:
    """Write a table in each form, ingest each, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--forms", nargs="*", default=list(FORMS), choices=list(FORMS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        path, home = map(Path, options.one)
        print(json.dumps(ingest_one(path, home, "transactions")))
        return
    figures = {}
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        folder = Path(name)
        os.environ["WORKBENCH_HOME"] = str(folder / "home")
        from workbench.demo.generated.generate import generate

        generate(folder / "data", options.rows)
        (made,) = (folder / "data/transactions").glob("*.csv")
        # Some rows of the generator are broken on purpose; here all are text.
        plain = folder / "made.csv"
        plain.write_text(made.read_text(encoding="utf-8", errors="ignore"), encoding="utf-8", newline="")
        for form in dict.fromkeys(["plain.csv", *options.forms]):
            path = folder / form
            FORMS[form](plain, path)
            answer = subprocess.run(
                [sys.executable, __file__, "--one", str(path), str(folder / f"home-{form}")],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            figures[form] = json.loads(answer.stdout.splitlines()[-1])
            path.unlink()
    base = figures["plain.csv"]["cpu_seconds"]
    for each in figures.values():
        each["cpu_ratio"] = each["cpu_seconds"] / base
    print(
        json.dumps(
            {form: {key: round(value, 2) for key, value in each.items()} for form, each in figures.items()},
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
