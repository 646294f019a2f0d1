"""Which version judges: by the gate after a training, or by hand; each move is noted in ``ops.audit_log``.

The alias ``champion`` names the version that judges, ``previous`` the one that did before, ``challenger`` the newest
that the gate refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.anomaly.models.gate import Verdict
from workbench.anomaly.models.registry import CHAMPION, ModelVersion, current_model, find_model
from workbench.errors import UsageError
from workbench.governance import audit
from workbench.tracking import mlflow_client
from workbench.warehouse import Session, Warehouse

CHALLENGER = "challenger"
PREVIOUS = "previous"


def install(
    warehouse: Warehouse, name: str, version: str, verdict: Verdict, metrics: Mapping[str, float]
) -> None:
    """Make a version champion if the gate let it pass, else challenger; note it with what it measured.

    Raises:
        WorkFailed: the tracking server can't be reached.
    """
    before = current_model(name)
    evidence = {
        "champion_before": before.version if before else None,
        "reasons": list(verdict.reasons),
        "metrics": {key: round(value, 6) for key, value in metrics.items() if value == value},
    }
    if verdict.passed:
        _move(warehouse, _aliases(version, before), name, "promote model", version, "the gate", evidence)
    else:
        _move(warehouse, {CHALLENGER: version}, name, "refuse model", version, "the gate", evidence)


def promote(
    warehouse: Warehouse, name: str, version: str | int, actor: str, reason: str = ""
) -> ModelVersion:
    """Make a version the champion, whatever the gate said of it; return it as it is then.

    Of what is champion already nothing is noted, unless there is a reason.

    Args:
        warehouse: where it is noted.
        name: registered model.
        version: its number.
        actor: who wants it.
        reason: why.

    Raises:
        UsageError: no such model or version; the message has the nearest.
    """
    chosen, before = find_model(name, version), current_model(name)
    if before and before.version == chosen.version and not reason:
        return chosen
    details = {
        "champion_before": before.version if before else None,
        "gate": chosen.gate, "gate_reasons": chosen.gate_reasons, "reason": reason,
    }  # fmt: skip
    _move(warehouse, _aliases(chosen.version, before), name, "promote model", chosen.version, actor, details)
    return find_model(name, chosen.version)


def rollback(warehouse: Warehouse, name: str, actor: str, reason: str = "") -> ModelVersion:
    """Make the champion of before the champion again, and the present one previous; return the new champion.

    Raises:
        UsageError: no such model, or it has no previous champion.
    """
    before, present = current_model(name, PREVIOUS), current_model(name)
    if before is None:
        versions = [item.version for item in (present,) if item]
        only = f"; version {versions[0]} is the only champion it had" if versions else ""
        raise UsageError(f"{name} has no champion of before{only}; workbench models lists what there is")
    details = {"champion_before": present.version if present else None, "reason": reason}
    _move(
        warehouse, _aliases(before.version, present), name, "roll back model", before.version, actor, details
    )
    return find_model(name, before.version)


def _aliases(version: str, before: ModelVersion | None) -> dict[str, str]:
    """Return which version each alias names once ``version`` is champion."""
    previous = {PREVIOUS: before.version} if before and before.version != version else {}
    return {**previous, CHAMPION: version}


def _move(
    warehouse: Warehouse,
    aliases: Mapping[str, str],
    name: str,
    action: str,
    version: str,
    actor: str,
    details: Mapping[str, Any],
) -> None:
    """Point aliases at versions, and note it; if either can't be done, neither is."""

    def work(session: Session) -> None:
        audit.note(session, actor, action, f"{name}/{version}", details)
        with mlflow_client() as client:
            for alias, each in aliases.items():
                client.set_registered_model_alias(name, alias, each)
            challenger = current_model(name, CHALLENGER)
            if challenger and challenger.version == aliases.get(CHAMPION):
                client.delete_registered_model_alias(name, CHALLENGER)

    warehouse.run(work, repeatable=True)
