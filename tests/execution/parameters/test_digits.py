"""Numbers keep the digits that they are written with, where a Decimal is wanted."""

from __future__ import annotations

import decimal
from pathlib import Path
from typing import Any

import pytest

from workbench.documents import read_document
from workbench.execution.parameters.declarations import convert_all, parse_cell
from workbench.execution.parameters.inputs import collect
from workbench.queue.messages import RunRequest, understand

MANY = decimal.Decimal("12345678901234567.89")
MONEY = """
one: Decimal = Decimal("0")
least: Decimal | None = None
several: list[Decimal] = []
pair: tuple[Decimal, ...] = ()
by_shop: dict[str, Decimal] = {}
share: float = 0.0
either: float | Decimal = 0.0
"""


def bound(cell: str, **values: Any) -> dict[str, Any]:
    return convert_all({each.name: each for each in parse_cell(cell, "stage try")}, values, "stage try")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("one", f"{MANY}", MANY),
        ("least", f"-{MANY}", -MANY),
        ("several", f"[{MANY}, -{MANY}, 0.1]", [MANY, -MANY, decimal.Decimal("0.1")]),
        ("pair", f"({MANY}, -{MANY}, 0.1)", (MANY, -MANY, decimal.Decimal("0.1"))),
        ("by_shop", f"{{F1: {MANY}}}", {"F1": MANY}),
        ("share", f"{MANY}", float(MANY)),
        ("either", f"{MANY}", float(MANY)),
    ],
)
def test_a_decimal_keeps_all_its_digits_wherever_it_is_written(
    tmp_path: Path, name: str, text: str, value: Any
) -> None:
    written = [collect([f"{name}={text}"], environment={})]
    if not text.startswith("("):
        (tmp_path / "values.yaml").write_text(f"{name}: {text}\n")
        written.append(collect(file=str(tmp_path / "values.yaml"), environment={}))
        written.append(read_document(f"{name}: {text}\n"))
        in_json = f'{{"{name}": {text.replace("F1", chr(34) + "F1" + chr(34))}}}'
        written.append(collect(text=in_json, environment={}))
        asked = understand(f'{{"pipeline": "trial", "parameters": {in_json}}}')
        assert isinstance(asked, RunRequest)
        written.append(asked.parameters)
    for given in written:
        result = bound(MONEY, **given)[name]
        assert result == value and type(result) is type(value)


def test_a_value_of_any_type_is_a_plain_number() -> None:
    given = collect(text=f'{{"any": [{MANY}]}}', environment={})
    (result,) = bound("any: list = []", **given)["any"]
    assert type(result) is float
