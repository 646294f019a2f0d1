"""Why no day of sales is judged."""

from __future__ import annotations

from workbench.anomaly.models.absence import why_none
from workbench.anomaly.models.registry import CHAMPION, current_model
from workbench.warehouse import Warehouse

# What trains is loaded where it is asked: a report of findings needs none of it, and scikit-learn takes a second or two.


def why_no_model(warehouse: Warehouse, model: str | int = CHAMPION) -> str:
    """Return why there is no such version of ``sales_daily``, and what helps; a sentence without its end.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    from workbench.anomaly.sales.model import MODEL
    from workbench.anomaly.sales.training import lacking

    return why_none(MODEL, model, lambda: lacking(warehouse))


def why_not_judged(warehouse: Warehouse) -> str:
    """Return why the champion judges no day of sales: it isn't there, or there are too few days; empty if it can.

    It is a sentence without its end. What is found is no part of it: where something was found, days were judged.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    from workbench.anomaly.sales.model import MODEL
    from workbench.anomaly.sales.training import read_sales, too_little
    from workbench.anomaly.series.features import build_features

    if current_model(MODEL) is None:
        return why_no_model(warehouse)
    panel = read_sales(warehouse)
    return too_little(panel, build_features(panel))
