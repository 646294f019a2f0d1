"""See the registered models and move the champion's alias."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import WorkbenchError, cause_of
from workbench.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.anomaly.models.registry import ModelVersion
    from workbench.warehouse import Warehouse

_PATIENCE = 0.5
Because = Annotated[
    str,
    typer.Option("--because", "--reason", metavar="TEXT", help="Why; it is noted in ops.audit_log."),
]

models = typer.Typer(
    help="List the registered models; choose which of them judges.", invoke_without_command=True
)


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(models, name="models")


@models.callback()
def listing(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List every version of every registered model: aliases, training window, gate and metrics."""
    if context.invoked_subcommand:
        return
    from workbench.anomaly.models.registry import list_models

    versions = list_models()
    if as_json:
        print(json.dumps([version.to_dict() for version in versions], indent=2))
        return
    if not versions:
        _tell_why_none()
        return
    from workbench.commands.tables import show

    rows = []
    for version in versions:
        aliases = ", ".join(version.aliases)
        rows.append(
            (version.name, version.version, aliases, version.training_to, version.gate, version.measured)
        )
    show(("name", "version", "alias", "trained to", "gate", "measured"), rows)
    for version in versions:
        # One that lost its alias to a newer one is nobody's choice any more; --json has the reasons of all.
        if version.gate == "failed" and version.aliases:
            print(printable(_why_failed(version)))


def _why_failed(version: ModelVersion) -> str:
    from workbench.anomaly.models.gate import past_the_gate
    from workbench.anomaly.models.registry import CHAMPION

    failed = f"{version.title} failed the gate: {version.gate_reasons}"
    if CHAMPION in version.aliases:
        return f"{failed}; it was made champion all the same"
    return f"{failed}; {past_the_gate(version.name, version.version)}"


def _tell_why_none() -> None:
    """Print what each model lacks to be trained; what it needs, where the warehouse can't be asked at once."""
    from workbench.anomaly.fraud import stored
    from workbench.anomaly.fraud import training as fraud
    from workbench.anomaly.sales import model
    from workbench.anomaly.sales import training as sales

    said = {
        model.MODEL: (_lacking(sales.lacking), f"{sales.MIN_DAYS} days of sales are needed"),
        stored.MODEL: (
            _lacking(fraud.lacking),
            f"{fraud.days_needed()} days of sales and {fraud.LEAST_FRAUDS} known frauds are needed",
        ),
    }
    if all(lack for lack, _ in said.values()):
        print("No model is registered yet, and none can be trained:")
    else:
        print("No model is registered yet; train one with: workbench run anomaly_detection")
    for name, (lack, needed) in said.items():
        print(printable(f"{name}: {needed if lack is None else lack or 'there is enough to train on'}."))


def _lacking(look: Callable[[Warehouse], str]) -> str | None:
    """Return what a training lacks, empty if nothing; None where the warehouse can't be asked at once."""
    from workbench.warehouse import locate

    try:
        # Nobody waits with a list of models for a run that writes.
        warehouse = locate(patience=_PATIENCE, read_only=True)
        warehouse.require()
        return look(warehouse)
    except Exception as error:
        if not isinstance(error, WorkbenchError) and cause_of(error) is None:
            raise
        return None


@models.command()
def promote(
    name: Annotated[str, typer.Argument(help="Registered model.", show_default=False)],
    version: Annotated[str, typer.Argument(help="Version to make champion.", show_default=False)],
    reason: Because = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make a version the champion, whatever the gate said of it; the one before becomes previous."""
    from workbench.anomaly.models import lifecycle
    from workbench.governance.audit import somebody
    from workbench.warehouse import connect

    _tell(lifecycle.promote(connect(create=True), name, version, somebody(), reason), as_json)


@models.command()
def rollback(
    name: Annotated[str, typer.Argument(help="Registered model.", show_default=False)],
    reason: Because = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make the champion of before the champion again; the present one becomes previous."""
    from workbench.anomaly.models import lifecycle
    from workbench.governance.audit import somebody
    from workbench.warehouse import connect

    _tell(lifecycle.rollback(connect(create=True), name, somebody(), reason), as_json)


def _tell(champion: ModelVersion, as_json: bool) -> None:
    if as_json:
        print(json.dumps(champion.to_dict(), indent=2))
        return
    print(f"{champion.title} is champion.")
    if champion.gate == "failed":
        print(f"Note: it had not passed the gate: {champion.gate_reasons}.")
