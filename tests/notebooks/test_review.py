"""The review notebook shows pairs that wait, and keeps what people decide of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.etl.test_customers import entry
from workbench.etl.customers import identify_people, standardize_customers
from workbench.etl.linkage.decisions import decisions
from workbench.execution import run_notebook
from workbench.schema import dataset
from workbench.warehouse import connect

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "7_review_customers.ipynb"


def test_pairs_are_shown_side_by_side_and_decisions_kept(home: Path) -> None:
    warehouse = connect(create=True)
    john = {"first_name": "Johannes", "last_name": "Smithson", "postal_code": "10001"}
    rows = [entry("a", **john), entry("b", **john, city="Elsewhere"), entry("c", first_name="Zoe")]
    warehouse.append("raw.customers", pd.DataFrame(rows, columns=list(dataset("customers").column_names)))
    standardize_customers(warehouse)
    identify_people(warehouse)
    shown = run_notebook(NOTEBOOK, {})
    assert shown.state == "succeeded"
    text = "".join(each.read_text() for each in (home / "runs" / shown.run_id).rglob("*.ipynb"))
    assert "Smithson" in text and "Elsewhere" in text and "Nothing was decided yet." in text
    refused = run_notebook(NOTEBOOK, {"same": "a b c"})
    assert refused.state == "failed" and decisions(warehouse) == []
    run_notebook(NOTEBOOK, {"same": "b a", "note": "one letter box", "by": "me"})
    (one,) = decisions(warehouse)
    assert (one.left, one.right, one.verdict, one.note, one.decided_by) == (
        "a",
        "b",
        "same",
        "one letter box",
        "me",
    )
    assert identify_people(warehouse).merged == 2
