"""How the measures of landed files went over the newest of them."""

from __future__ import annotations

import pandas as pd

from workbench.anomaly.tables.profiles import TABLE
from workbench.warehouse import Warehouse

_SHOWN = ["dataset", "column_name", "measure", "place", "value", "lower", "upper", "side"]


def read_trends(warehouse: Warehouse, *, files: int = 60, measures: int = 6) -> pd.DataFrame:
    """Return the measures to look at first, over the newest files of their datasets.

    Those with the newest figures outside come first, then rows and quarantine, then what comes nearest to its bounds.

    Returns:
        ``dataset, column_name, measure, place`` (of the file among those, from 0), ``value, lower, upper, side``.
    """
    rows = warehouse.frame(
        "SELECT p.dataset, p.column_name, p.measure, p.value, p.lower, p.usual, p.upper, p.side, b.files, b.age "
        "FROM (SELECT batch_id, count(*) OVER (PARTITION BY dataset) AS files, row_number() OVER "
        "(PARTITION BY dataset ORDER BY ingested_at DESC, batch_id DESC) AS age FROM ops.batches "
        "WHERE withdrawn_at IS NULL AND rows_landed > 0) AS b "
        f"JOIN {TABLE} AS p ON p.batch_id = b.batch_id WHERE b.age <= ? ORDER BY b.age DESC, p.batch_id",
        [files],
    )
    if rows.empty or rows["usual"].isna().all():
        return pd.DataFrame(columns=_SHOWN)
    by = ["dataset", "column_name", "measure"]
    rows["place"] = rows["files"].clip(upper=files) - rows["age"]
    reach = (rows["upper"] - rows["lower"]).clip(lower=1e-9)
    near = ((rows["value"] - rows["usual"]).abs() / reach).groupby([rows[each] for each in by]).max()
    judged = rows["usual"].notna().groupby([rows[each] for each in by]).any()
    last_outside = (
        rows["place"].where(rows["side"] != 0).groupby([rows[each] for each in by]).max().fillna(-1)
    )
    order = pd.DataFrame({"judged": judged, "last": last_outside, "near": near}).reset_index()
    order["of_file"] = order["column_name"] == ""
    order = (
        order[order["judged"]]
        .sort_values(["last", "of_file", "near", *by], ascending=[False, False, False, True, True, True])
        .head(measures)
    )
    return order[by].merge(rows, on=by, how="left")[_SHOWN]
