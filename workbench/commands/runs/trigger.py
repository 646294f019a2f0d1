"""Start a run of a DAG in Airflow, and follow it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.runs import parameters
from workbench.errors import UsageError, WorkFailed, unknown
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.airflow.client import AirflowClient

_POLL = 1.0
_ENDED = ("success", "failed")
_LINES = 5
# How often in a row the question how far a run is may be left unanswered.
_PATIENCE = 20


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(trigger)


def trigger(
    dag_id: Annotated[
        str,
        typer.Option(
            metavar="ID", help="The DAG: a pipeline's name.", autocompletion=parameters.complete_pipelines
        ),
    ],
    parameter: parameters.Texts = None,
    parameters_file: parameters.File = None,
    parameters_json: parameters.Json = None,
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Identity of the run: the same one is started once.")
    ] = None,
    unpause: Annotated[bool, typer.Option("--unpause", help="Unpause the DAG if it is paused.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit 1 if it fails.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Start a run of a DAG in Airflow, with values of its parameters.

    Airflow is where WORKBENCH_AIRFLOW_URL says, or the one that `workbench up airflow` started.
    """
    given = parameters.collect(parameter, parameters_file, parameters_json)
    from workbench.airflow.client import AirflowClient

    client = AirflowClient(_settings())
    dag = client.dag(dag_id)
    conf = _converted(dag, given)
    if dag["is_paused"]:
        if unpause:
            client.unpause(dag_id)
        elif wait:
            raise UsageError(f"{dag_id} is paused, so its run would never begin: add --unpause")
    found = client.trigger(dag_id, conf, run_id)
    paused = dag["is_paused"] and not unpause
    page = client.page(dag_id, found)
    print(f"run {found}: {page}", file=sys.stderr)
    if paused:
        print(f"{dag_id} is paused: the run stays queued until it is unpaused (--unpause)", file=sys.stderr)
    state = _follow(client, dag_id, found) if wait else client.run_state(dag_id, found)
    if as_json:
        print(json.dumps({"dag_id": dag_id, "run_id": found, "state": state, "paused": paused, "url": page}))
    else:
        print(f"{dag_id} {state}")
    if state == "failed":
        raise typer.Exit(1)


def _settings() -> Any:
    """Return the settings; where they don't say where Airflow is, it is the one that runs here."""
    from pydantic import SecretStr

    from workbench.services import processes
    from workbench.settings import get_settings

    settings = get_settings()
    if settings.airflow_url:
        return settings
    found = processes.environment(settings)
    if url := found.get("WORKBENCH_AIRFLOW_URL"):
        update = {"airflow_url": url, "airflow_password": SecretStr(found["WORKBENCH_AIRFLOW_PASSWORD"])}
        settings = settings.model_copy(update=update)
    return settings


def _converted(dag: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a DAG's parameters, those that came as text as the JSON that their schemas ask for.

    Raises:
        UsageError: the DAG has no such parameter.
    """
    known = dag.get("params") or {}
    found = {}
    for name, value in given.items():
        if name not in known:
            raise unknown(f"parameter of {dag['dag_id']}", name, known)
        found[name] = _read(value, known[name].get("schema") or {}) if isinstance(value, str) else value
    return found


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    """Return what a text is for a schema: a text where texts are right, else what it says as JSON."""
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else list(types)
    if "null" in types and text in ("", "null", "None"):
        return None
    if "string" in types or text in schema.get("enum", ()):
        return text
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except ValueError:
        return text


def _follow(client: AirflowClient, dag_id: str, run_id: str) -> str:
    """Follow a run to its end, with a line for each step of a task."""
    seen: dict[str, str] = {}
    silent = 0
    try:
        while True:
            try:
                state, tasks = client.run_state(dag_id, run_id), client.tasks(dag_id, run_id)
            except WorkFailed as problem:
                # A server that starts again is back in a while.
                silent += 1
                if silent > _PATIENCE:
                    raise
                print(printable(f"  {problem}"), file=sys.stderr, flush=True)
                time.sleep(min(silent, 10) * _POLL)
                continue
            silent = 0
            for task in tasks:
                if seen.get(task.name) != task.state and task.state not in ("waiting", "scheduled", "queued"):
                    print(f"  {task.name} {task.state}", file=sys.stderr, flush=True)
                    seen[task.name] = task.state
            if state in _ENDED:
                for task in tasks:
                    if task.state == "failed":
                        for line in client.log(dag_id, run_id, task)[-_LINES:]:
                            print(printable(f"    {line}"), file=sys.stderr)
                return state
            time.sleep(_POLL)
    except KeyboardInterrupt:
        print(f"the run goes on without you: {client.page(dag_id, run_id)}", file=sys.stderr)
        raise
