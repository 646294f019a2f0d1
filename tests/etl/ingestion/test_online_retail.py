"""Real data as dirty as life, through a map: the account must be right to the last line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared/data/online_retail_ii_winter.parquet"
MAP = ROOT / "samples/online_retail.map.yaml"


@pytest.mark.skipif(not DATA.exists(), reason="the trial data lies outside the repository, in ../shared/data")
def test_every_line_is_accounted_for(warehouse: Warehouse) -> None:
    source = pd.read_parquet(DATA)
    land(str(DATA), map_file=MAP)
    (batch,) = ingest(warehouse).batches
    bad = (source["Quantity"] == 0) | (source["Price"] < 0)
    good = source[~bad]
    assert batch.rows_landed == len(source)
    assert batch.rows_quarantined == int(bad.sum())
    assert batch.rows_accepted == len(good)
    assert batch.rows_duplicate == int(good.duplicated().sum())
    raw = warehouse.query(
        """
        SELECT count(CASE WHEN customer_id IS NULL THEN 1 END) AS anonymous,
               count(CASE WHEN quantity < 0 THEN 1 END) AS returns, count(CASE WHEN unit_price = 0 THEN 1 END) AS free,
               CAST(sum(quantity) AS BIGINT) AS units, count(DISTINCT transaction_id) AS invoices,
               count(DISTINCT transaction_id || '/' || CAST(line_number AS VARCHAR)) AS lines
        FROM raw.transactions
        """
    ).to_pylist()[0]
    assert raw == {
        "anonymous": int(good["Customer ID"].isna().sum()),
        "returns": int((good["Quantity"] < 0).sum()),
        "free": int((good["Price"] == 0).sum()),
        "units": int(good["Quantity"].sum()),
        "invoices": good["Invoice"].nunique(),
        "lines": len(good.drop_duplicates()),
    }
    assert (
        warehouse.query(
            "SELECT DISTINCT customer_id FROM raw.transactions WHERE customer_id = '13085'"
        ).num_rows
        == 1
    )
