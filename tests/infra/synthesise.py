"""Synthesises what the tests look at, in the environment of the infrastructure: ``synthesise.py FOLDER``.

All in one process, as its start takes longest. The last is a development environment once more, with a role in each
stack that may do anything: the stacks beside it must be the same as before, and each role must be found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aws_cdk import App, Stack, aws_iam

from infra.acknowledged import findings
from infra.app import environment_of, make

FOLDER = Path(sys.argv[1])


def main() -> None:
    for env, changes in (
        ("dev", {}),
        ("prod", {"mail": "ops@shop.example"}),
        ("staging", {"warehouse": "provisioned"}),
    ):
        app = make({"env": env, **changes}, str(FOLDER / env))
        app.synth()
        _note(app, FOLDER / env / "acknowledged.json")
    app = make({"env": "dev"}, str(FOLDER / "planted"))
    for stack in app.node.children:
        if isinstance(stack, Stack):
            role = aws_iam.Role(
                stack, "Planted", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com")
            )
            role.add_to_policy(aws_iam.PolicyStatement(actions=["sqs:*"], resources=["*"]))
    try:
        app.synth()
    except RuntimeError as refused:
        (FOLDER / "refused.txt").write_text(str(refused))
    _tell()


def _tell() -> None:
    """Write what is said of contexts that can't be."""
    told = {}
    for context in (
        {"orchestator": "airflow"},
        {"image-tag": "2"},
        {"name": "prod"},
        {"env": ""},
        {"zones": "9"},
    ):
        try:
            environment_of(App(context=context))
        except ValueError as problem:
            told[json.dumps(context)] = str(problem)
    (FOLDER / "told.json").write_text(json.dumps(told))


def _note(app: App, file: Path) -> None:
    """Write what is acknowledged, by where."""
    settings = environment_of(app)
    noted: dict[str, list[dict[str, str]]] = {}
    for finding in findings(settings):
        place = f"{settings.prefix}-{finding.place}"
        noted.setdefault(place, []).extend({"id": f"AwsSolutions-{each}"} for each in finding.ids)
    file.write_text(json.dumps(noted))


if __name__ == "__main__":
    main()
