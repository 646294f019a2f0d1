"""The app: the stacks of one environment, composed. ``python -m infra.app`` synthesises them.

Its context (``-c NAME=VALUE`` of the CDK's command line) says which: ``env``, and whatever differs from
:mod:`infra.environment` for it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

import workbench
from infra import grants
from infra.acknowledged import acknowledge
from infra.environment import Environment, environment
from infra.stacks.access import Access
from infra.stacks.catalogue import Catalogue
from infra.stacks.compute import Compute
from infra.stacks.events import Events
from infra.stacks.mlflow import Mlflow
from infra.stacks.monitoring import Monitoring
from infra.stacks.network import Network
from infra.stacks.orchestration import Orchestration
from infra.stacks.queue import Queue
from infra.stacks.storage import OF_STAGES, Storage
from infra.stacks.warehouse import Warehouse
from infra.stacks.workflow import Workflow

CONTEXT = Path(__file__).with_name("cdk.json")


def compose(app: cdk.App, settings: Environment) -> None:
    """Make the stacks of an environment, and grant what they need of one another."""
    storage = Storage(app, environment=settings)
    network = Network(app, environment=settings, key=storage.key)
    queue = Queue(app, environment=settings, key=storage.key)
    warehouse = Warehouse(app, environment=settings, key=storage.key, network=network)
    catalogue = Catalogue(app, environment=settings, lake=f"s3://{storage.lake.bucket_name}/lake")
    compute = Compute(
        app, environment=settings, network=network, storage=storage, queue=queue, warehouse=warehouse
    )
    mlflow = Mlflow(app, environment=settings, network=network, storage=storage, compute=compute)
    orchestration = None
    if settings.orchestrator == "airflow":
        orchestration = Orchestration(
            app, environment=settings, network=network, storage=storage, compute=compute
        )
    workflow = Workflow(app, environment=settings, compute=compute, queue=queue, storage=storage)
    events = Events(app, environment=settings, storage=storage, queue=queue)
    Monitoring(
        app, environment=settings, queue=queue, events=events, compute=compute, mlflow=mlflow,
        orchestration=orchestration, pipelines=sorted(workflow.machines),
    )  # fmt: skip
    access = Access(app, environment=settings)

    grants.watching(queue)
    grants.warehouse(made=warehouse, storage=storage)
    for role in (compute.stage_role, compute.worker_role):
        grants.stages(role, storage=storage, made=warehouse, queue=queue, catalogue=catalogue)
    grants.starting(compute.worker_role, compute=compute)
    grants.messages(compute.worker_role, queue=queue)
    grants.pulling(compute.execution_role, storage=storage, images=["python-processor", *OF_STAGES])
    grants.mlflow(mlflow, storage=storage)
    if orchestration:
        grants.orchestration(
            orchestration, storage=storage, warehouse=warehouse, queue=queue, catalogue=catalogue, compute=compute
        )  # fmt: skip
    grants.workflow(workflow, compute=compute, queue=queue, storage=storage)
    grants.events(events, storage=storage, queue=queue)
    grants.people(access, storage=storage, queue=queue, workflow=workflow, compute=compute)


def environment_of(app: cdk.App) -> Environment:
    """Return the environment that the app's context says.

    Raises:
        ValueError: it names none, or changes one to what can't be.
    """
    choices = {"env", *Environment.model_fields} - {"name"}
    # The CDK's own names have a colon or a slash in them.
    given = [name for name in app.node.get_all_context() if not set(name) & set(":/")]
    if unknown := sorted(set(given) - choices):
        raise ValueError(f"the context can't say {', '.join(unknown)}; it may: {', '.join(sorted(choices))}")
    changes = {
        name: value
        for name in Environment.model_fields
        if name not in ("name", "image_tag") and (value := app.node.try_get_context(name)) is not None
    }
    name, tag = app.node.try_get_context("env"), app.node.try_get_context("image_tag")
    return environment(
        "dev" if name is None else str(name), workbench.__version__ if tag is None else str(tag), changes
    )


def make(context: Mapping[str, Any], outdir: str | None = None) -> cdk.App:
    """Return the app of a context; it is checked against AWS's Solutions rules as it is synthesised.

    Raises:
        ValueError: the context names no environment, or changes one to what can't be.
    """
    app = cdk.App(outdir=outdir, context=json.loads(CONTEXT.read_text())["context"] | dict(context))
    settings = environment_of(app)
    compose(app, settings)
    acknowledge(app, settings)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def main(arguments: list[str]) -> int:
    """Synthesise; arguments are ``NAME=VALUE`` of the context, where the CDK's command line isn't there to give it."""
    try:
        app = make(dict(each.partition("=")[::2] for each in arguments))
    except ValueError as problem:
        print(f"infra: {problem}", file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
