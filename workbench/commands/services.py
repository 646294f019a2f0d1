"""Start, stop and look at the services of this machine, without docker."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

import typer

_SECRET = ("PASSWORD", "SECRET", "TOKEN")
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[aws|redshift|mlflow|lab]...", help="All if left out.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(services: Names = None, as_json: AsJson = False) -> None:
    """Start services in the background: a local AWS, a local Redshift, MLflow, JupyterLab. Prints what to export."""
    from workbench.services import environment, processes
    from workbench.settings import get_settings

    settings = get_settings()
    found = processes.up(settings, services or ())
    if as_json:
        print(json.dumps([_brief(state) for state in found], indent=2))
        return
    for state in found:
        print(f"# {state.name}: {state.url} (process {state.pid})")
    for name, value in environment(settings).items():
        if not any(word in name for word in _SECRET):
            print(f"export {name}={shlex.quote(value)}")
    print(f"# These and what must stay secret: . {settings.home / 'services.env'}")


def down(services: Names = None) -> None:
    """Stop services, all that run if none is named."""
    from workbench.services import processes
    from workbench.settings import get_settings

    stopped = processes.down(get_settings(), services or ())
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing ran")


def status(as_json: AsJson = False) -> None:
    """Show the services that were started. Exits 1 if one died."""
    from workbench.services import processes
    from workbench.settings import get_settings

    found = processes.status(get_settings())
    if as_json:
        print(json.dumps([_brief(state) for state in found], indent=2))
    elif not found:
        print("No service was started; start them with: workbench up")
    else:
        for state in found:
            told = f"running, process {state.pid}" if state.alive else f"died; its log is {state.log}"
            print(f"{state.name:<9} {state.url:<45} {told}")
    if not all(state.alive for state in found):
        raise typer.Exit(1)


def _brief(state: Any) -> dict[str, Any]:
    told: dict[str, Any] = state.model_dump(mode="json", exclude={"variables", "created"})
    return told | {"alive": state.alive}
