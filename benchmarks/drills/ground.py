"""What drills have in common: a home of their own, the program as a process, and what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
# The look-alikes of the tests, and what writes files that land.
sys.path[:0] = [str(ROOT), str(ROOT / "containers" / "redshift-local"), str(ROOT / "benchmarks")]

WORKBENCH = (sys.executable, "-m", "workbench.cli")


@dataclass
class Outcome:
    """What a drill found.

    ``seconds`` are from the fault until all was as if there had been none; ``checks`` what must hold, by what it says.
    ``skipped`` says what is missing here, of a drill that couldn't be held.
    """

    drill: str
    fault: str
    seconds: float | None = None
    checks: dict[str, bool] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""

    @property
    def is_good(self) -> bool:
        """Whether all that must hold does."""
        return all(self.checks.values())

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Have these variables and none else of Workbench's and AWS's, here and in what is started meanwhile."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("WORKBENCH_", "AWS_", "AIRFLOW")):
            del os.environ[name]
    os.environ.update({"PYTHONPATH": str(ROOT), "WORKBENCH_PROJECT": str(ROOT), **values})
    _forget_session()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        _forget_session()


def _forget_session() -> None:
    if (boto3 := sys.modules.get("boto3")) is not None:
        boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined]


@contextmanager
def folder(drill: str) -> Iterator[Path]:
    """Make a folder for a drill; in the end nobody works in it, and it is gone.

    PostgreSQL's user may pass through it.
    """
    place = Path(tempfile.mkdtemp(prefix=f"workbench-drill-{drill}-"))
    place.chmod(0o711)
    try:
        yield place
    finally:
        for process in those_in(place):
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(place, ignore_errors=True)


def those_in(place: Path) -> list[psutil.Process]:
    """Return the processes whose home is in a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            home = process.environ().get("WORKBENCH_HOME", "")
            if process.pid != os.getpid() and Path(home).is_relative_to(place):
                found.append(process)
    return found


def workbench(*arguments: str, good: bool = True) -> str:
    """Run the program, and return what it prints.

    Raises:
        RuntimeError: it failed, and ``good`` says that it must not.
    """
    done = subprocess.run([*WORKBENCH, *arguments], capture_output=True, text=True, check=False)
    if good and done.returncode:
        raise RuntimeError(f"workbench {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


def until(what: Callable[[], Any], named: str, seconds: float = 300, pause: float = 0.1) -> Any:
    """Wait until something is there; return it.

    Raises:
        TimeoutError: it isn't there in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{named}: not within {seconds:g} s")
        time.sleep(pause)
    return found
