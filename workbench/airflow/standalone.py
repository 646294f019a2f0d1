"""Airflow's four components on this machine, below one process: what ends unasked is started again.

What a component that died had started itself is ended before: the scheduler's workers keep its connection to the database
open, in the midst of a transaction as it may be, and the next scheduler would wait for its locks for ever.

``python -m workbench.airflow.standalone PORT [HOST]``, in an environment that says where Airflow's home and database are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from workbench.execution.kernels.fork import linux

COMPONENTS = {
    # Logs are read from the disk that all share, so nobody serves them.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_PATIENCE, _SHORTEST, _LONGEST = 15.0, 1.0, 60.0
_CALM = 60.0


@dataclass
class Component:
    """A component of Airflow that is kept running."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    pause: float = _SHORTEST
    due: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Start it."""
        self.began = time.monotonic()
        self.process = subprocess.Popen([sys.executable, "-m", "airflow", *self.arguments])
        print(f"{self.name} started: process {self.process.pid}", flush=True)

    def look(self) -> bool:
        """Start it again if it ended, after a pause that grows while it doesn't stay up; return whether it just had."""
        now = time.monotonic()
        ended = False
        if self.process is not None and (status := self.process.poll()) is not None:
            ended = True
            calm = now - self.began > _CALM
            self.pause = _SHORTEST if calm else min(2 * self.pause, _LONGEST)
            self.due, self.process = now + self.pause, None
            print(f"{self.name} ended with status {status}; it starts again in {self.pause:g} s", flush=True)
        if self.process is None and now >= self.due:
            self.start()
        return ended

    def end(self, deadline: float) -> None:
        """Wait for its end, and enforce it after the deadline."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _known(components: Iterable[Component]) -> set[int]:
    return {each.process.pid for each in components if each.process is not None}


def bury_orphans(components: Iterable[Component]) -> None:
    """Take note of the end of processes whose own parent ended before them."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in _known(components):
                return
            os.waitpid(ended.si_pid, 0)


def prepare() -> None:
    """Make or upgrade Airflow's database, and the pools that the project's maps name."""
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    from workbench.airflow.dag.pools import pools
    from workbench.errors import UsageError
    from workbench.execution.pipeline.pipeline import find_pipelines, load_pipeline
    from workbench.settings import get_settings

    settings = get_settings()
    initdb()
    found = []
    for name in find_pipelines(settings):
        try:
            found.append(load_pipeline(name, settings))
        except UsageError as problem:
            # Its DAG shows the same error.
            print(problem, file=sys.stderr)
    with create_session() as session:
        for name, slots in pools(found, settings).items():
            Pool.create_or_update_pool(
                name,
                slots=slots,
                description="Stages that take turns",
                include_deferred=False,
                session=session,
            )


def main(port: str, host: str = "127.0.0.1") -> int:
    """Run Airflow until a signal ends it; its server listens at a host's port."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    made = subprocess.run(
        [sys.executable, "-c", f"from {__spec__.name} import prepare; prepare()"], check=False
    )
    if made.returncode:
        print("Airflow's database couldn't be made", flush=True)
        return 1
    server = ["api-server", "--host", host, "--port", port, "--workers", "1"]
    components = [
        Component(name, arguments) for name, arguments in {"api-server": server, **COMPONENTS}.items()
    ]
    is_linux = sys.platform.startswith("linux")
    if is_linux:
        linux.set_subreaper()
    while not stop.wait(0.5):
        ended = [each.name for each in components if each.look()]
        if is_linux:
            if ended:
                linux.end_orphans(_known(components))
            bury_orphans(components)
    print("stopping", flush=True)
    running = [each for each in components if each.process is not None]
    for component in running:
        component.process.terminate()  # type: ignore[union-attr]
    deadline = time.monotonic() + _PATIENCE
    for component in running:
        component.end(deadline)
        component.process = None
    if is_linux:
        linux.end_orphans(_known(components))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(*sys.argv[1:]))
