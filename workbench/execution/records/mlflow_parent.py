"""The run in MLflow: a parent run for a pipeline's, and tags by which models and notebooks find each other.

MLflow takes seconds to import, so it is left to a process of its own: ``python -m
workbench.execution.records.mlflow_parent`` reads what to do as JSON and answers with JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkFailed
from workbench.tracking import QUIET, experiment_id, local_artifacts, prepare_store

if TYPE_CHECKING:
    from workbench.execution.records.model import Run
    from workbench.settings import Settings

PARENT = "WORKBENCH_MLFLOW_PARENT_RUN_ID"
CONTEXT = "MLFLOW_RUN_CONTEXT"
_ENDS = {"succeeded": "FINISHED", "stopped": "KILLED"}
_PATIENCE = 120


def run_context(run_id: str, stage: str, parent: str | None) -> str:
    """Return the tags of every MLflow run that a stage starts, as MLflow reads them from its environment."""
    tags = {"workbench.run_id": run_id, "workbench.stage": stage}
    if parent:
        tags["mlflow.parentRunId"] = parent
    return json.dumps(tags)


def begin_parent(run: Run, settings: Settings) -> str:
    """Start an MLflow run for a pipeline's, in the experiment of the pipeline's name; return its id.

    Raises:
        WorkFailed: MLflow isn't installed, its server can't be reached, or it refused.
    """
    answer = _ask(
        settings,
        do="begin",
        experiment=run.pipeline,
        name=run.run_id,
        tags={"workbench.run_id": run.run_id, "workbench.code_version": run.code_version or ""},
        parameters={name: str(value)[:500] for name, value in run.parameters.items()},
    )
    return str(answer["run_id"])


def end_parent(run: Run, settings: Settings) -> None:
    """End the MLflow run of a pipeline's, with the seconds and rows of its stages as metrics.

    Raises:
        WorkFailed: as for :func:`begin_parent`.
    """
    metrics = {"seconds": run.seconds, "rows": run.rows}
    metrics |= {f"{stage.name}.seconds": stage.seconds for stage in run.stages if stage.state != "skipped"}
    _ask(
        settings,
        do="end",
        run_id=run.mlflow_run_id,
        status=_ENDS.get(run.state, "FAILED"),
        metrics={_metric(name): float(value) for name, value in metrics.items() if value is not None},
    )


def _metric(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in name)


def _ask(settings: Settings, **what: Any) -> dict[str, Any]:
    prepare_store(settings)
    artifacts = local_artifacts(settings)
    request = {"uri": settings.mlflow_uri, "artifacts": str(artifacts) if artifacts else None, **what}
    command = [sys.executable, "-m", "workbench.execution.records.mlflow_parent"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            env=QUIET | os.environ,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            # A signal for the run must not reach it: it ends by itself.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise WorkFailed(f"MLflow at {settings.mlflow_uri} didn't answer in {_PATIENCE} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it failed"]
        raise WorkFailed(f"MLflow at {settings.mlflow_uri}: {lines[-1][:300]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def main() -> None:
    """Do what stdin asks for."""
    request = json.load(sys.stdin)
    import mlflow

    client = mlflow.MlflowClient(request["uri"])
    if request["do"] == "end":
        for name, value in request["metrics"].items():
            client.log_metric(request["run_id"], name, value)
        client.set_terminated(request["run_id"], request["status"])
        print("{}")
        return
    artifacts = Path(request["artifacts"]) if request["artifacts"] else None
    experiment = experiment_id(client, request["experiment"], artifacts)
    run = client.create_run(experiment, run_name=request["name"], tags=request["tags"])
    for name, value in request["parameters"].items():
        client.log_param(run.info.run_id, name, value)
    print(json.dumps({"run_id": run.info.run_id}))


if __name__ == "__main__":
    main()
