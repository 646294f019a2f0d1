"""Detection finds the same on Redshift as on DuckDB."""

from __future__ import annotations

from pathlib import Path

from workbench.anomaly import TrainingResult, detect_sales, give_verdict
from workbench.anomaly.any_table import detect
from workbench.anomaly.sales.training import read_sales
from workbench.anomaly.what_if import what_if
from workbench.governance.alerts.recorded import recent
from workbench.schema import table
from workbench.warehouse import Warehouse, connect

from .data import PLANTED, daily_sales

COLUMNS = [name for name in table("marts.sales_anomalies").column_names if name != "run_id"]
FOUND = f"SELECT {', '.join(COLUMNS)} FROM marts.sales_anomalies ORDER BY sales_date, department, measure"


def test_a_panel_is_read_alike(either: Warehouse) -> None:
    either.append("marts.sales_daily", daily_sales(planted=PLANTED))
    panel = read_sales(either)
    assert str(panel.values.index.dtype).startswith("datetime64")
    assert {str(kind) for kind in panel.values.dtypes} == {"float64"}


def test_the_same_days_are_found(trained: TrainingResult, redshift_warehouse: Warehouse, home: Path) -> None:
    redshift_warehouse.append("marts.sales_daily", daily_sales(planted=PLANTED))
    detect_sales(redshift_warehouse)
    detect_sales(redshift_warehouse)
    here = connect(f"duckdb:///{home / 'warehouse.duckdb'}")
    detect_sales(here)
    assert redshift_warehouse.query(FOUND).num_rows > 0
    assert redshift_warehouse.query(FOUND).to_pylist() == here.query(FOUND).to_pylist()
    alerts = "SELECT alert_id FROM ops.alerts ORDER BY alert_id"
    assert redshift_warehouse.query(alerts).to_pylist() == here.query(alerts).to_pylist()


def test_verdicts_are_heeded_alike(
    trained: TrainingResult, redshift_warehouse: Warehouse, home: Path
) -> None:
    here = connect(f"duckdb:///{home / 'warehouse.duckdb'}")
    redshift_warehouse.append("marts.sales_daily", daily_sales(planted=PLANTED))
    for each in (here, redshift_warehouse):
        detect_sales(each)
        (alert,) = [found for found in recent(each, 50) if found.subject == "BAKERY on 2024-08-10"]
        given = give_verdict(each, alert.alert_id, "real")
        assert given.concerned.model_version == trained.version
        detect_sales(each)
    assert redshift_warehouse.query(FOUND).to_pylist() == here.query(FOUND).to_pylist()
    looks = [what_if(each, 3.0).to_dict() for each in (here, redshift_warehouse)]
    assert looks[0] == looks[1]
    assert [each["verdict"] for each in looks[0]["asked"]["judged"]] == ["real"]


def test_any_table_is_judged_alike(either: Warehouse) -> None:
    either.append("marts.sales_daily", daily_sales(planted=PLANTED))
    found = detect(either, "sales_daily", "sales_date", measure="net_amount_reporting", by="department")
    assert found.to_dict()["anomalies"]


def test_a_reporting_view_is_judged_too(redshift_warehouse: Warehouse) -> None:
    found = detect(redshift_warehouse, "sales_by_store", "sales_date", measure="lines")
    assert found.to_dict()["anomalies"] == []
