"""An image that ``make images`` built, run as a cluster runs it: its user, its variables, its root only to be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.project import ROOT

IMAGES = Path(os.environ.get("WORKBENCH_IMAGES", ROOT / ".images"))


def buildah(*arguments: str) -> str:
    """Ask buildah about what lies in the folder of images."""
    command = ["buildah", "--root", str(IMAGES / "store"), "--runroot", str(IMAGES / "run"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Image:
    """An image, its files below ``root``; ``config`` is what its Dockerfile says of how it runs."""

    name: str
    root: Path
    config: Mapping[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it sets."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])

    @property
    def health(self) -> list[str]:
        """The command of its health check."""
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return command

    @property
    def command(self) -> list[str]:
        """What it runs unless told otherwise."""
        return [*(self.config["Entrypoint"] or ()), *self.config["Cmd"]]

    def prepare(
        self,
        command: Sequence[str],
        state: Path,
        mounts: Mapping[str, Path],
        variables: Mapping[str, str],
        *,
        network: bool,
    ) -> list[str]:
        """Return the command line that runs a command in it; ``state`` is on the volume, ``mounts`` can only be read."""
        user, _, group = self.config["User"].partition(":")
        (volume,) = {*self.config["Volumes"]} - {"/tmp"}  # noqa: S108
        shutil.chown(state, *_owner(self.root, volume))
        line = ["bwrap", "--ro-bind", str(self.root), "/", "--dev", "/dev", "--proc", "/proc"]
        line += ["--perms", "1777", "--tmpfs", "/tmp", "--bind", str(state), volume]  # noqa: S108
        # PostgreSQL keeps its sockets in the one, Python its semaphores in the other.
        for folder in ("/run", "/dev/shm"):  # noqa: S108
            line += ["--perms", "1777", "--tmpfs", folder]
        # A container has its own; every engine writes it.
        line += ["--ro-bind", str(_hosts(self.root)), "/etc/hosts"]
        for target, source in mounts.items():
            line += ["--ro-bind", str(source), target]
        line += ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--clearenv"]
        if not network:
            line.append("--unshare-net")
        for name, value in {**self.environment, **variables}.items():
            line += ["--setenv", name, value]
        line += ["--chdir", self.config["WorkingDir"] or "/", "--", "setpriv", "--reuid", user]
        line += ["--regid", group or user, "--clear-groups", "--no-new-privs", *command]
        return line

    def run(
        self,
        command: Sequence[str],
        state: Path,
        mounts: Mapping[str, Path] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command to its end, without a network; return what it printed."""
        line = self.prepare(command, state, mounts or {}, variables or {}, network=False)
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


def _owner(root: Path, volume: str) -> tuple[int, int]:
    about = (root / volume.lstrip("/")).stat()
    return about.st_uid, about.st_gid


def _hosts(root: Path) -> Path:
    """Write the file of names that an engine gives a container; there is something in the image to put it over."""
    (root / "etc/hosts").touch()
    hosts = IMAGES / "hosts"
    hosts.write_text("127.0.0.1\tlocalhost\n::1\tlocalhost\n")
    return hosts


@contextmanager
def mounted(name: str) -> Iterator[Image]:
    """Have the files of an image at hand; skip where it wasn't built, and say how."""
    if os.geteuid() != 0 or not shutil.which("buildah") or not shutil.which("bwrap"):
        pytest.skip("images are built and run as root with buildah and bwrap: make images")
    try:
        about = json.loads(buildah("inspect", "--type", "image", f"workbench/{name}"))
    except subprocess.CalledProcessError:
        pytest.skip(f"the image {name} isn't built: make images")
    container = buildah("from", f"workbench/{name}")
    try:
        yield Image(name, Path(buildah("mount", container)), about["Docker"]["config"])
    finally:
        buildah("rm", container)
