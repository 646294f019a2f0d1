"""Whatever comes in whichever order, there are never more alerts than the budget: what one run used the next one hasn't."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.anomaly.fraud.detection import detect_fraud
from workbench.anomaly.sales.incidents import put_within
from workbench.governance.alerts import Alert
from workbench.warehouse import Warehouse, connect

from .fraud.shop import NEWEST, TODAY, Trained, land

DAY = dt.date(2024, 1, 1)
ALERT_DAYS = 28
# A look: how many days after the one before, and of what it finds how many days ago each is and of which department.
LOOKS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.lists(st.tuples(st.integers(0, ALERT_DAYS - 1), st.integers(0, 3)), max_size=12, unique=True),
    ),
    min_size=2,
    max_size=8,
)


def alert(day: dt.date, department: int) -> Alert:
    return Alert("sales_anomaly", "critical", f"D{department} on {day}", "Much.", (str(day), str(department)))


def there(warehouse: Warehouse) -> dict[str, dt.date]:
    """Return the alerts by identity, and the day that each is about."""
    rows = warehouse.rows("SELECT alert_id, subject FROM ops.alerts WHERE kind = 'sales_anomaly'")
    return {row["alert_id"]: dt.date.fromisoformat(str(row["subject"])[-10:]) for row in rows}


def look(warehouse: Warehouse, found: list[Alert], since: dt.date, most: int) -> int:
    return warehouse.run(lambda session: put_within(session, found, since, most, "run"))


@given(most=st.integers(0, 5), looks=LOOKS)
@settings(max_examples=25)
def test_no_look_at_sales_adds_to_a_month_that_is_full(
    most: int, looks: list[tuple[int, list[tuple[int, int]]]]
) -> None:
    warehouse = connect(create=True)
    warehouse.execute("DELETE FROM ops.alerts")
    newest = DAY
    for later, findings in looks:
        newest += dt.timedelta(days=later)
        since = newest - dt.timedelta(days=ALERT_DAYS)
        found = [alert(newest - dt.timedelta(days=ago), department) for ago, department in findings]
        before = there(warehouse)
        raised = look(warehouse, found, since, most)
        after = there(warehouse)
        room = most - sum(day > since for day in before.values())
        assert (
            len(after) - len(before)
            == raised
            == min(room, len({each.alert_id for each in found} - set(before)))
        )
        assert sum(day > since for day in after.values()) <= most


@given(
    budget=st.integers(0, 3),
    parts=st.integers(1, 3),
    seed=st.integers(0, 9),
    by_range=st.booleans(),
)
@settings(max_examples=4)
def test_no_look_at_receipts_adds_to_a_day_that_is_full(
    fraud_home: Trained, home: Path, budget: int, parts: int, seed: int, by_range: bool
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(fraud_home.home / "mlflow.db", home / "mlflow.db")
    store = home / f"{budget}-{parts}-{seed}-{by_range}.duckdb"
    shutil.copy(fraud_home.home / "warehouse.duckdb", store)
    warehouse = connect(f"duckdb:///{store}")
    share = np.random.default_rng(seed).integers(0, parts, len(TODAY))
    for part in range(parts):
        land(warehouse, TODAY[share == part], NEWEST)
        first = NEWEST.date() if by_range and part % 2 == 0 else None
        detect_fraud(warehouse, alerts_a_day=budget, least_score=0.0, first_day=first)
    detect_fraud(warehouse, alerts_a_day=budget, least_score=0.0)
    days = warehouse.rows(
        "SELECT CAST(transaction_timestamp AS DATE) AS day, SUM(CASE WHEN is_alert THEN 1 ELSE 0 END) AS n "
        "FROM marts.fraud_scores GROUP BY 1"
    )
    # A day has hundreds of receipts, so its budget is used up, and no more than that.
    assert {int(row["n"]) for row in days} == {budget}
    (raised,) = warehouse.rows("SELECT COUNT(*) AS n FROM ops.alerts WHERE kind = 'fraud'")
    assert raised["n"] == budget * len(days)
    store.unlink()
