"""Real data as dirty as life, by the how-to's own commands, from the file to the marts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbench.warehouse import connect

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared/data/online_retail_ii_winter.parquet"


@pytest.mark.skipif(not DATA.exists(), reason="the trial data lies outside the repository, in ../shared/data")
def test_the_marts_hold_each_distinct_line_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "GBP")
    for arguments in (
        ["init"],
        ["load", str(DATA), "--map", "samples/online_retail.map.yaml"],
        ["load", str(DATA), "--map", "samples/online_retail_products.map.yaml"],
        ["run", "retail_etl"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "workbench.cli", *arguments],
            cwd=ROOT,
            env=os.environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    lines = pd.read_parquet(DATA).drop_duplicates()
    found = (
        connect()
        .query(
            """
        SELECT count(*) AS lines, count(*) FILTER (customer_id IS NULL) AS anonymous,
               count(*) FILTER (quantity < 0) AS returns, count(*) FILTER (unit_price = 0) AS free,
               count(DISTINCT transaction_id) AS invoices, count(DISTINCT product_id) AS codes,
               round(sum(net_amount_reporting), 2)::DOUBLE AS sales, count(DISTINCT conversion_status) AS statuses
        FROM marts.retail_sales
        """
        )
        .to_pylist()[0]
    )
    assert found == {
        "lines": len(lines),
        "anonymous": int(lines["Customer ID"].isna().sum()),
        "returns": int((lines["Quantity"] < 0).sum()),
        "free": int((lines["Price"] == 0).sum()),
        "invoices": lines["Invoice"].nunique(),
        "codes": lines["StockCode"].nunique(),
        "sales": pytest.approx((lines["Quantity"] * lines["Price"]).sum(), abs=0.01),
        "statuses": 1,
    }
    # Each code has its commonest description, in one version since it was first sold.
    named = connect().query("SELECT product_id, description FROM core.dim_product").to_pylist()
    described = lines.dropna(subset="Description").groupby("StockCode")["Description"]
    commonest = described.agg(lambda texts: texts.value_counts().max())
    names = {row["product_id"]: row["description"] for row in named}
    assert len(names) == len(named) == lines["StockCode"].nunique()
    assert {code for code, name in names.items() if name} == set(described.groups)
    counted = lines.groupby(["StockCode", lines["Description"].str.strip()]).size()
    assert all(counted[code, names[code]] >= commonest[code] for code in list(commonest.index)[:200])
