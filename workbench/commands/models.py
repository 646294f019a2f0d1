"""See the registered models and move the champion's alias."""

from __future__ import annotations

import json
from typing import Annotated

import typer

models = typer.Typer(help="List the registered models; promote one.", invoke_without_command=True)


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
        figures = [
            "" if (value := version.metrics.get(metric)) is None else format(value, style)
            for metric, style in (("wape", ".1%"), ("wape_ratio_to_naive", ".2f"), ("coverage", ".1%"))
        ]
        aliases = ", ".join(version.aliases)
        rows.append(
            (version.name, str(version.version), aliases, version.training_to, version.gate, *figures)
        )
    names = ("name", "version", "alias", "trained to", "gate", "error", "vs naive", "coverage")
    show(names, rows, right=names[-3:])


@models.command()
def promote(
    name: Annotated[str, typer.Argument(help="Registered model.", show_default=False)],
    version: Annotated[str, typer.Argument(help="Version to make champion.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make a version the champion, whatever the gate said of it."""
    from workbench.anomaly.models.registry import promote as move

    promoted = move(name, version)
    if as_json:
        print(json.dumps(promoted.to_dict(), indent=2))
        return
    print(f"{promoted.name} version {promoted.version} is champion.")
    if promoted.gate == "failed":
        print(f"Note: it had not passed the gate: {promoted.gate_reasons}.")
