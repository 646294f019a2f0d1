"""``compose.yaml``: what it names is there, and nothing in it is open to others or holds a secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from workbench.cli import app
from workbench.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
CONTENT: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
NAMES = sorted(CONTENT["services"])


# Without a port; who wants them asks for their profile.
OF_STAGES = {"worker", "spark"}


def test_it_has_the_services_that_workbench_up_has_and_what_runs_stages() -> None:
    assert {*NAMES} - OF_STAGES == {"localstack" if name == "aws" else name for name in SERVICES}
    images = {each["image"] for each in CONTENT["services"].values() if "build" in each}
    folders = {path.parent.name for path in (ROOT / "containers").glob("*/Dockerfile")} - {"base"}
    assert images == {f"workbench/{folder}" for folder in folders}
    assert all(CONTENT["services"][name]["profiles"] == [name] for name in OF_STAGES)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_pinned_or_one_of_ours(name: str) -> None:
    service = CONTENT["services"][name]
    image, build = service["image"], service.get("build")
    if build is None:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", image) and not image.endswith("latest")
        return
    folder = image.removeprefix("workbench/")
    assert build["dockerfile"] == f"containers/{folder}/Dockerfile" and build["context"] == "."
    assert (ROOT / build["dockerfile"]).is_file()
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and "/tmp" in service["tmpfs"]  # noqa: S108


@pytest.mark.parametrize("name", NAMES)
def test_ports_are_this_machines_alone_and_volumes_are_declared(name: str) -> None:
    service = CONTENT["services"][name]
    ports = service.get("ports", [])
    assert bool(ports) is (name not in OF_STAGES) and all(port.startswith("127.0.0.1:") for port in ports)
    for volume in service["volumes"]:
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).is_dir()
        else:
            assert source in CONTENT["volumes"] or source == "/var/run/docker.sock"


def test_secrets_come_from_the_caller() -> None:
    secrets = {
        name: value
        for service in CONTENT["services"].values()
        for name, value in service["environment"].items()
        if "PASSWORD" in name or "TOKEN" in name
    }
    assert {"REDSHIFT_LOCAL_PASSWORD", "JUPYTER_TOKEN"} <= secrets.keys()
    assert all(value.startswith("${") for value in secrets.values())


def test_the_commands_are_those_there_are() -> None:
    text = (ROOT / "containers/lab/Dockerfile").read_text()
    lab = json.loads(text[text.rindex("CMD [") :].removeprefix("CMD "))
    assert lab[0] == "workbench" and lab[1] in get_command(app).commands  # type: ignore[attr-defined]
    assert (ROOT / "containers/redshift-local/redshift_local/__main__.py").is_file()
