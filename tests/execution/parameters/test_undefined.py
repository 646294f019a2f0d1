"""What a parameters cell uses and no cell defines is found, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench.execution.parameters.undefined import undefined_names

GUIDE = Path(__file__).parents[3] / "docs/user-guides/parameters-and-secrets.md"


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("day: date | None = None", {"date": "from datetime import date"}),
        ("day: datetime.date", {"datetime": "import datetime"}),
        ("at: datetime", {"datetime": "from datetime import datetime"}),
        ("day: dt.date", {"dt": "import datetime as dt"}),
        ("mode: Literal['a', 'b'] = 'a'", {"Literal": "from typing import Literal"}),
        ("price = Decimal('1')", {"Decimal": "from decimal import Decimal"}),
        ("token: Secret = Secret('env:X')", {"Secret": "from workbench.execution import Secret"}),
        ("days: int = LONGEST", {"LONGEST": ""}),
        ("days: list[int] = [n * k for n in range(3)]", {"k": ""}),
    ],
)
def test_what_nothing_defines_is_found_with_its_import(cell: str, found: dict[str, str]) -> None:
    assert undefined_names(cell, ["import os", "x = 1"]) == found


@pytest.mark.parametrize(
    ("earlier", "cell"),
    [
        ([], "days: list[int] = [n for n in range(3)]\nnames: dict[str, object] = {}"),
        ([], "a: int = 1\nb: int = a"),
        ([], "from datetime import date\nday: date"),
        ([], "from __future__ import annotations\nday: date"),
        (["from __future__ import annotations"], "day: date"),
        ([], "day: 'date | None' = None"),
        (["import datetime as dt, os.path"], "day: dt.date\nplace = os.path.sep"),
        (["from datetime import *"], "day: date"),
        (["%run other.ipynb"], "day: date"),
        (["exec(code)"], "day: date"),
        (["X = 1", "(A, *B), c = 1, 2"], "x: int = X\ny = A, B, c"),
        (["def f(): pass\nclass C: pass\nasync def g(): pass"], "x = f, C, g"),
        (["for i in (): pass\nwith open('f') as h: pass\nif (w := 1): pass"], "x = i, h, w"),
        (["try:\n    from a import b as c\nexcept ImportError as e:\n    c = d = None"], "x = c, d"),
        (["match 1:\n    case [x, *y]: pass\n    case {'a': z, **rest}: pass"], "a = x, y, z, rest"),
        (["x = 1"], "key = lambda row: row[other]\nshown = display, get_ipython, __name__"),
    ],
)
def test_what_may_be_defined_is_left_alone(earlier: list[str], cell: str) -> None:
    assert undefined_names(cell, earlier) == {}


def test_the_guide_imports_what_its_parameters_name() -> None:
    declare = GUIDE.read_text().partition("## Give values")[0]
    imports, cell = ("\n".join(block) for block in _blocks(declare))
    assert undefined_names(cell, [imports]) == {}
    # Without the imports all four that the guide speaks of are missed: the cell is the one that was meant.
    assert set(undefined_names(cell, [])) == {"datetime", "Literal", "Path", "Secret"}


def _blocks(text: str) -> list[list[str]]:
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M)
    return [[line[4:] for line in block.strip("\n").splitlines()] for block in found]
