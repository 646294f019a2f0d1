"""What is needed beyond the demo's environment: looked for, and installed if a person agrees."""

from __future__ import annotations

import importlib
import importlib.util
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from workbench.errors import UsageError, WorkFailed
from workbench.settings import Settings, get_settings

# Which lock of the project has everything that an extra needs, the smallest first.
_LOCKS = {"demo": "demo.txt", "etl": "demo.txt", "ml": "demo.txt", "lab": "lab.txt"}
_ALL = "services.txt"
Ask = Callable[[str], bool]


def missing(modules: Iterable[str]) -> list[str]:
    """Return those of some modules that aren't installed."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def command(extras: Iterable[str], settings: Settings) -> list[str]:
    """Return the command that installs extras into this environment: from the lock, with its hashes, if there is one."""
    extras = sorted(set(extras))
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    install = (
        [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    )
    lock = settings.root / "requirements" / (_LOCKS.get(extras[0], _ALL) if len(extras) == 1 else _ALL)
    if lock.is_file():
        return [*install, "--require-hashes", "-r", str(lock)]
    if (settings.root / "pyproject.toml").is_file():
        return [*install, "--editable", f"{settings.root}[{','.join(extras)}]"]
    return [*install, *_requirements(extras)]


def advice(*extras: str) -> str:
    """Return how to install extras into this environment, for a message."""
    return f"install it with: {shlex.join(command(extras, get_settings()))}"


def provide(
    title: str, modules: Iterable[str], extras: Iterable[str], settings: Settings, ask: Ask | None = None
) -> None:
    """See to it that modules are there; ``ask``, if there is somebody to ask, is asked before they are installed.

    Raises:
        UsageError: some are missing, and nobody agreed; the message has the command that installs them.
        WorkFailed: they couldn't be installed.
    """
    if not (lacking := missing(modules)):
        return
    extras = tuple(extras)
    install = command(extras, settings)
    message = f"{title} needs {', '.join(lacking)}, which this environment lacks"
    if ask is None or not ask(f"{message}. Install it now?"):
        raise UsageError(f"{message}; {advice(*extras)}")
    done = subprocess.run(install, check=False)
    importlib.invalidate_caches()
    if done.returncode or missing(modules):
        raise WorkFailed(f"it couldn't be installed (status {done.returncode}): {shlex.join(install)}")


def provide_environment(title: str, name: str, lock: str, settings: Settings, ask: Ask | None = None) -> None:
    """See to it that there is an environment of its own for what can't share ours; ``ask`` as for :func:`provide`.

    Raises:
        UsageError: there is none, and nobody agreed; the message has the commands that make it.
        WorkFailed: it couldn't be made.
    """
    folder, requirements = settings.root / name, settings.root / "requirements" / lock
    if (folder / "bin" / "python").exists():
        return
    python = str(folder / "bin" / "python")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    commands = [
        [uv, "venv", "--python", sys.executable, str(folder)]
        if uv
        else [sys.executable, "-m", "venv", str(folder)],
        [*install, "--require-hashes", "-r", str(requirements)],
        [*install, "--no-deps", "--no-build-isolation", "--editable", str(settings.root)],
    ]
    text = " && ".join(shlex.join(command) for command in commands)
    if not requirements.is_file():
        raise UsageError(
            f"{title} needs the project's own folder with requirements/{lock}; WORKBENCH_PROJECT names it"
        )
    message = f"{title} needs an environment of its own, {folder}, which isn't there"
    if ask is None or not ask(f"{message}. Make it now?"):
        raise UsageError(f"{message}; make it with: {text}")
    for command in commands:
        if subprocess.run(command, check=False).returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise WorkFailed(f"it couldn't be made: {shlex.join(command)}")


def _requirements(extras: Iterable[str]) -> list[str]:
    """Return what the installed package says that its extras need."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    found: dict[str, None] = {}
    waiting, seen = list(extras), set()
    while waiting:
        extra = waiting.pop()
        seen.add(extra)
        for text in requires("workbench") or []:
            requirement = Requirement(text)
            if requirement.marker is None or not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.marker.evaluate({"extra": ""}):
                continue
            if requirement.name == "workbench":
                waiting += requirement.extras - seen
            else:
                requirement.marker = None
                found[str(requirement)] = None
    return list(found)
