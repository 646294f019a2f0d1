"""What the app synthesises, once for all tests, in the environment of the infrastructure."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.project import ROOT

PYTHON = ROOT / ".venv-infra" / "bin" / "python"


class Assembly:
    """The templates of an environment, with what the rules said of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env = folder, folder.name

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """Templates by part."""
        found = sorted(self.folder.glob("*.template.json"))
        return {
            path.name.removesuffix(".template.json").split("-", 2)[2]: json.loads(path.read_text())
            for path in found
        }

    @cached_property
    def report(self) -> dict[str, Any]:
        """What AWS's Solutions rules found."""
        plugins = json.loads((self.folder / "validation-report.json").read_text())["pluginReports"]
        (report,) = (each for each in plugins if each["pluginName"] == "AwsSolutions")
        return dict(report)

    def resources(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Resources of some types, or all, by part and logical name."""
        return {
            f"{part}/{name}": each
            for part, template in self.templates.items()
            for name, each in template.get("Resources", {}).items()
            if not kinds or each["Type"] in kinds
        }


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Assembly]:
    """Assemblies by name; made by the first process that asks. Skipped where the environment is missing."""
    if not PYTHON.exists():
        pytest.skip("the infrastructure has no environment here; make it with: make .venv-infra/stamp")
    if shutil.which("node") is None:
        pytest.skip("the CDK runs on Node.js, which isn't here; on Debian: apt-get install nodejs")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "assemblies"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            environment = {
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("WORKBENCH_", "AWS_"))
            }
            # Without bytecode each synthesis compiles a hundred megabytes of descriptions anew.
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            done = subprocess.run(
                [PYTHON, "-m", "tests.infra.synthesise", str(shared)],
                cwd=ROOT,
                env={
                    **environment,
                    "WORKBENCH_HOME": str(shared / "home"),
                    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-4000:]
            (shared / "done").touch()
    return {name: Assembly(shared / name) for name in ("dev", "prod", "staging", "planted")}


@pytest.fixture(scope="session")
def dev(assemblies: dict[str, Assembly]) -> Assembly:
    """Development, where a worker takes the messages."""
    return assemblies["dev"]


@pytest.fixture(scope="session", params=["dev", "prod", "staging"])
def each(request: pytest.FixtureRequest, assemblies: dict[str, Assembly]) -> Assembly:
    """Each environment; staging has a cluster of Redshift, for once."""
    return assemblies[request.param]
