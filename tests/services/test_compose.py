"""``compose.yaml``: what it names is there, and nothing in it is open to others or holds a secret."""

from __future__ import annotations

import re
import shlex
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


def test_it_has_the_services_that_workbench_up_has() -> None:
    assert {*NAMES} == {"localstack" if name == "aws" else name for name in SERVICES}


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_pinned_or_made_of_files_that_are_there(name: str) -> None:
    service = CONTENT["services"][name]
    if "image" in service:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", service["image"]) and not service["image"].endswith("latest")
        return
    build = service["build"]
    folder = ROOT / build["context"]
    text = build.get("dockerfile_inline") or (folder / "Dockerfile").read_text()
    lines = text.replace("\\\n", " ").splitlines()
    (base,) = [line for line in lines if line.startswith("FROM ")]
    assert re.fullmatch(r"FROM (python:3\.1[123]-[\w-]+|debian:[\w-]+)", base)
    copied = [path for line in lines if line.startswith("COPY ") for path in line.split()[1:-1]]
    assert copied
    for path in copied:
        assert (folder / path).exists(), path
    installs = [part for line in lines for part in line.split("&&") if "pip install" in part]
    assert installs
    for install in installs:
        # What comes from elsewhere is held by its hash; what is built here, is built with what came so.
        locked = re.findall(r"--require-hashes -r (\S+)", install)
        assert locked or {"--no-deps", "--no-build-isolation"} <= {*install.split()}
        for path in locked:
            (found,) = {each for each in copied if each.endswith(Path(path).name)}
            assert "--hash=sha256:" in (folder / found).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_ports_are_this_machines_alone_and_volumes_are_declared(name: str) -> None:
    service = CONTENT["services"][name]
    assert service["ports"] and all(port.startswith("127.0.0.1:") for port in service["ports"])
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
    lab = shlex.split(CONTENT["services"]["lab"]["command"])
    assert lab[0] == "workbench" and lab[1] in get_command(app).commands  # type: ignore[attr-defined]
    assert (ROOT / "containers/redshift-local/redshift_local/__main__.py").is_file()
