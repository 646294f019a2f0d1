"""See the registered models and move the champion's alias."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import WorkbenchError
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.anomaly.models.registry import ModelVersion

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
    """Print what training lacks, by the warehouse as it can be read at once; else what a training needs."""
    from workbench.anomaly.fraud import stored
    from workbench.anomaly.fraud import training as fraud
    from workbench.anomaly.sales import model
    from workbench.anomaly.sales import training as sales
    from workbench.warehouse import connect

    try:
        warehouse = connect(read_only=True)
        lacking = {model.MODEL: sales.lacking(warehouse), stored.MODEL: fraud.lacking(warehouse)}
    except WorkbenchError:
        print("No model is registered yet; train one with: workbench run anomaly_detection")
        print(f"{model.MODEL} needs {sales.MIN_DAYS} days of sales.")
        print(
            f"{stored.MODEL} needs {fraud.days_needed()} days of sales and {fraud.LEAST_FRAUDS} known frauds."
        )
        return
    if all(lacking.values()):
        print("No model is registered yet, and none can be trained:")
    else:
        print("No model is registered yet; train one with: workbench run anomaly_detection")
    for name, lack in lacking.items():
        print(f"{name}: {lack or 'there is enough to train on'}.")


@models.command()
def promote(
    name: Annotated[str, typer.Argument(help="Registered model.", show_default=False)],
    version: Annotated[str, typer.Argument(help="Version to make champion.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; it is noted in ops.audit_log.")] = "",
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
    reason: Annotated[str, typer.Option(help="Why; it is noted in ops.audit_log.")] = "",
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
