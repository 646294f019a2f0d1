"""Start, stop and look at the services of this machine, without docker."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.libraries.extras import Ask
    from workbench.services import State
    from workbench.settings import Settings

_SECRET = ("PASSWORD", "SECRET", "TOKEN")
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[aws|redshift|mlflow|lab|airflow]...",
        help="mlflow and lab if left out.",
        show_default=False,
        autocompletion=lambda: ["aws", "redshift", "mlflow", "lab", "airflow"],
    ),
]
Running = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[aws|redshift|mlflow|lab|airflow]...", help="All if left out.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(services: Names = None, as_json: AsJson = False) -> None:
    """Start services in the background: MLflow, JupyterLab, Airflow, a local AWS, a local Redshift. Prints what to export.

    The local AWS and Redshift are for those who name them, for they take the place of what holds your data: whatever
    starts after them works there. Where something is missing it offers to install it.
    """
    from workbench.services import environment, processes
    from workbench.settings import get_settings

    settings = get_settings()
    found = processes.up(settings, services or (), asker())
    if as_json:
        print(json.dumps([_brief(state) for state in found], indent=2))
        return
    for state in found:
        print(f"# {state.name}: {_link(state)} (process {state.pid})")
        if state.name == "lab":
            print(f"#   it works on {_warehouse(state, settings)}")
        if "WORKBENCH_AIRFLOW_PASSWORD" in state.variables:
            print(f"#   log in as {settings.airflow_user}; {_password(state)}")
    for name, value in environment(settings).items():
        if not any(word in name for word in _SECRET):
            print(f"export {name}={shlex.quote(value)}")
    print(f"# These and what must stay secret: . {settings.home / 'services.env'}")


def asker() -> Ask | None:
    """Return what asks a person at a terminal, or None if nobody is there to answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: typer.confirm(question, default=True, err=True)


def _link(state: State) -> str:
    """Return where a service is; on a terminal with the token that opens it, which belongs in no file or log."""
    return state.link if sys.stdout.isatty() else state.url


def _password(state: State) -> str:
    """Return what opens a service, on a terminal; elsewhere where it is kept."""
    if sys.stdout.isatty():
        return f"the password is {state.variables['WORKBENCH_AIRFLOW_PASSWORD']}"
    return f"the password is in {state.log.parent / 'passwords.json'}"


def _warehouse(state: State, settings: Settings) -> str:
    """Return the warehouse that a service was started with, without a password."""
    return re.sub(r"(?<=://)([^:@/]*):[^@/]*@", r"\1@", state.warehouse or settings.warehouse)


def down(services: Running = None) -> None:
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
            text = f"running, process {state.pid}" if state.alive else f"died; its log is {state.log}"
            print(f"{state.name:<9} {_link(state):<45} {text}")
    if not all(state.alive for state in found):
        raise typer.Exit(1)


def _brief(state: Any) -> dict[str, Any]:
    fields: dict[str, Any] = state.model_dump(mode="json", exclude={"variables", "created", "warehouse"})
    return fields | {"alive": state.alive}
