"""See the registered models and move the champion's alias."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

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
        print("No model is registered yet; train one with: workbench run anomaly_detection")
        return
    from workbench.commands.tables import show

    rows = []
    for version in versions:
        aliases = ", ".join(version.aliases)
        rows.append(
            (version.name, version.version, aliases, version.training_to, version.gate, version.measured)
        )
    show(("name", "version", "alias", "trained to", "gate", "measured"), rows)


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
