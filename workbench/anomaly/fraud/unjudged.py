"""Why no receipt is judged, and whether anybody waits for that."""

from __future__ import annotations

from workbench.anomaly.fraud.behaviour.receipts import VERDICTS
from workbench.anomaly.fraud.stored import MODEL
from workbench.anomaly.fraud.training import lacking
from workbench.anomaly.models.absence import why_none
from workbench.anomaly.models.registry import CHAMPION, current_model
from workbench.warehouse import Warehouse


def why_no_model(warehouse: Warehouse, model: str | int = CHAMPION) -> str:
    """Return why there is no such version of ``fraud_transactions``, and what helps; a sentence without its end.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    return why_none(MODEL, model, lambda: lacking(warehouse))


def why_not_judged(warehouse: Warehouse) -> str:
    """Return why no champion judges receipts, and what helps, a sentence without its end; empty if one does.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    return why_no_model(warehouse) if current_model(MODEL) is None else ""


def has_verdicts(warehouse: Warehouse) -> bool:
    """Return whether somebody gave a verdict on a receipt; without any, nobody looks for fraud here."""
    return bool(warehouse.rows(f"SELECT COUNT(*) AS n FROM ({VERDICTS}) AS verdicts")[0]["n"])
