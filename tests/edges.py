"""Rows at the edges of every type and rule of every dataset: whatever of them ingestion accepts, later stages must bear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from workbench.schema import DATASETS, Column
from workbench.schema.units import SPELLINGS
from workbench.settings.currencies import currencies

_TEXTS = (
    "-", "'", '"', "\\", "a\nb", "a\tb", "a > b", "%s {} {{7*7}}", "$x_{$", "$\\frac$", "<script>alert(1)</script>", "NULL",
    "None", "nan", "<NA>", "inf", "1e999", "0x1F", "=1+1", "--", "'; DROP TABLE raw.transactions; --", "\u200b", "\ufeff",
    "\u202eabc", "\u2028", "\u00a0", "\u0301", "\x01", "\x1e", "\x1f", "\x7f", "\ud7ff", "\uffff", "\U0010ffff", "\U0001d518\U0001d52b",
)  # fmt: skip
# Letters that become longer or shorter in another case or form; as many as a column holds bytes.
_LETTERS = ("x", "é", "ß", "ŉ", "İ", "ﷺ", "ΐ", "😀", "ﬃ", "½", " x", "x ", "\u0301", "1")


def write(folder: Path) -> dict[str, int]:
    """Write a file of edge rows for each dataset, one value a row beside harmless ones; return how many rows each has."""
    written = {}
    for name in DATASETS:
        path = folder / name / "edges.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(row, default=str) for row in rows(name)]
        path.write_text("\n".join(lines) + "\n")
        written[name] = len(lines)
    return written


def rows(dataset: str) -> Iterator[dict[str, Any]]:
    """Yield rows of a dataset: each column at each of its edges, all columns at their edges, many of one key."""
    table = DATASETS[dataset]
    columns = [column for column in table.columns if not column.name.startswith("_")]
    edges = {column.name: list(_edges(column)) for column in columns}
    number = 0
    for column in columns:
        for value in edges[column.name]:
            number += 1
            yield _usual(dataset, columns, number) | {column.name: value}
    for place in range(6):
        number += 1
        extreme = {name: values[min(place, len(values) - 1)] for name, values in edges.items()}
        keys = {
            c.name: f"edge {dataset} {number}" for c in columns if c.name in table.key and c.kind == "text"
        }
        yield extreme | {name: key for name, key in keys.items() if name != "currency"}
    for place in range(300):
        yield _usual(dataset, columns, 0) | _many(dataset, place)
    yield from _large(dataset, columns)


def _usual(dataset: str, columns: list[Column], number: int) -> dict[str, Any]:
    """A row of nothing special, with a key of its own."""
    values: dict[str, Any] = {}
    for column in columns:
        match column.kind:
            case "text" if "unit" in column.checks:
                values[column.name] = "kg"
            case "text" if {"line_status", "time_zone"} & set(column.checks):
                values[column.name] = None
            case "text":
                values[column.name] = "USD" if column.name == "currency" else f"{column.name[:20]} {number}"
            case "boolean":
                values[column.name] = False
            case "date" | "timestamp":
                values[column.name] = f"2024-{1 + number % 6:02}-{1 + number % 28:02}"
            case "json":
                values[column.name] = {"n": number}
            case _:
                values[column.name] = 1
    return values


def _many(dataset: str, place: int) -> dict[str, Any]:
    """What tells many rows of one key apart: lines of a receipt, or moments of a change log."""
    if dataset == "transactions":
        return {"line_number": place, "transaction_timestamp": "2024-05-05T10:00:00", "customer_id": None}
    moment = datetime(2024, 5, 5) + timedelta(microseconds=place)
    times = {
        "events": "event_timestamp", "measurements": "measured_at", "fraud_labels": "labelled_at",
        "exchange_rates": "rate_date",
    }  # fmt: skip
    return {
        times.get(dataset, "updated_at"): moment.isoformat() if dataset != "exchange_rates" else "2024-05-05"
    }


def _large(dataset: str, columns: list[Column]) -> Iterator[dict[str, Any]]:
    """Yield sales whose amounts and quantities are each all right and add up to more than one of them may be."""
    if dataset != "transactions":
        return
    for place in range(40):
        values = {
            "transaction_id": f"large {place}",
            "line_number": 1,
            "product_id": "large",
            "customer_id": "large",
        }
        yield (
            _usual(dataset, columns, 1)
            | values
            | {"quantity": 1, "unit_price": "49999999999", "discount_amount": -49999999999998}
        )
        yield (
            _usual(dataset, columns, 1)
            | values
            | {"line_number": 2, "quantity": "99999999999999.9999", "unit_price": 0}
        )
        yield (
            _usual(dataset, columns, 1)
            | values
            | {"line_number": 3, "quantity": "49999999", "unit_price": "999999.999999"}
        )


def _edges(column: Column) -> Iterator[Any]:
    match column.kind:
        case "text" if "currency" in column.checks:
            yield from sorted(currencies())
            yield from (" usd ", "XXX", "XTS", "")
        case "text" if "unit" in column.checks:
            yield from SPELLINGS
            yield from (" KG ", "furlong", "°c", "", None, 1)
        case "text" if "line_status" in column.checks:
            yield from ("sold", "cancelled", " Returned ", "VOID", "lost", "", None, 1)
        case "text" if "time_zone" in column.checks:
            yield from ("Europe/Berlin", "UTC", " Asia/Kolkata ", "Mars/Olympus", "localtime", "", None, 1)
        case "text":
            size = column.size[0]
            yield from (letter * (size // len(letter.encode())) for letter in _LETTERS)
            yield from _TEXTS
            yield from ("", " ", None, 0, 1.5, True, "e\u0301" * 10, ["a"], {"a": 1})
        case "decimal":
            digits, scale = column.size
            most = Decimal(10**digits - 1).scaleb(-scale)
            least = Decimal(1).scaleb(-scale)
            yield from (
                f"{value:f}" for value in (most, -most, least, -least, most / 10**6, Decimal(0), least / 10)
            )
            yield from ("5e13", "+1", ".5", "5.", "-0", 49999999999998, None, "")
        case "bigint" | "integer":
            yield from (2**63 - 1, -(2**63), 2**31, 0, -1, 2**63, "7.0", None)
        case "date" | "timestamp":
            ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=23)
            yield from (
                "1900-01-01",
                "1900-01-01T00:00:00.000001",
                "1900-01-01T00:00:00+00:01",
                ahead.isoformat(),
            )
            yield from ("1970-01-01", "1999-12-31T23:59:59.9999999", "2000-02-29", "0001-01-01", "0000-01-01")
            yield from (
                "2024-03-31T02:30:00+01:00",
                "2024-01-01T00:00:00+15:59",
                "2024-12-31T23:59:60",
                "9999-12-31",
                None,
            )
        case "boolean":
            yield from (True, False, "true", "F", 1, 0, None, "")
        case "json":
            yield from ({}, [], "x", None, 0, {"a" * 300: {"b": [1e308, -1e308, None, True, "\u200b"]}})
            yield json.loads("[" * 100 + "]" * 100)
            yield {str(n): n for n in range(500)}
