"""Kernels: a fresh process of this very interpreter for each notebook, started ahead and stopped for good."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync

from workbench.execution.launch import IMPORTS
from workbench.execution.redact import Redactor
from workbench.settings import Settings

NAME = "python3"


class _ThisPython(KernelSpecManager):
    """Whatever kernels are installed, the kernel is the running interpreter's."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "workbench.execution.launch", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class Kernel:
    """One kernel process. It boots while its maker does other things; :meth:`stop` ends all it started.

    Args:
        env: the process's whole environment.
        folder: its working directory.
        log: file for what it prints past the notebook; removed at the end if nothing came.
    """

    def __init__(self, env: dict[str, str], folder: Path, log: Path) -> None:
        # A socket's path may have 107 bytes, so it can't lie under just any home.
        self._sockets = Path(tempfile.mkdtemp(prefix="wb-"))
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.manager: Any = AsyncKernelManager(
            kernel_name=NAME,
            kernel_spec_manager=_ThisPython(),
            transport="ipc",
            connection_file=str(self._sockets / "kernel.json"),
            shutdown_wait_time=3.0,
        )
        with log.open("wb") as output:
            run_sync(self.manager.start_kernel)(
                extra_arguments=["--HistoryManager.hist_file=:memory:"],
                env=env,
                cwd=str(folder),
                stdout=output,
                stderr=output,
            )
        provisioner: Any = self.manager.provisioner
        self.pid: int = provisioner.pid

    def last_words(self, lines: int = 5) -> str:
        """Return the end of what the process printed past the notebook."""
        try:
            return "\n".join(self._log.read_text(errors="replace").strip().splitlines()[-lines:])
        except OSError:
            return ""

    def redact(self, redactor: Redactor) -> None:
        """Blot out secrets in what the process printed past the notebook."""
        if self._log.is_file():
            text = self._log.read_text(errors="replace")
            if (clean := redactor.text(text)) != text:
                self._log.write_text(clean)

    def kill(self) -> None:
        """End the process at once; whoever waits for it is told that it died. :meth:`stop` comes after."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def stop(self, *, now: bool = False) -> None:
        """End the kernel and every process it left behind in its group; harmless if it is gone."""
        try:
            cancel_tasks()
            with contextlib.suppress(Exception):
                run_sync(self.manager.shutdown_kernel)(now=now)
        finally:
            with contextlib.suppress(OSError):
                # The kernel leads a session of its own, so its group is its number.
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(Exception):
                run_sync(self.manager.cleanup_resources)()
            shutil.rmtree(self._sockets, ignore_errors=True)
            with contextlib.suppress(OSError):
                if self._log.stat().st_size == 0:
                    self._log.unlink()


def cancel_tasks() -> None:
    """Cancel what an interruption left pending on this thread's event loop."""
    loop = ensure_event_loop()
    if loop.is_closed() or loop.is_running():
        return
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def environment(settings: Settings, run_id: str, stage: str, imports: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment of a kernel: this process's, with every setting spelled out.

    A notebook in another folder, with another ``.env``, thereby sees the same settings. ``imports`` are
    modules to import before the kernel is ready.
    """
    env = dict(os.environ)
    env |= {
        "WORKBENCH_PROFILE": settings.profile,
        "WORKBENCH_HOME": str(settings.home),
        "WORKBENCH_PROJECT": str(settings.root),
        "WORKBENCH_WAREHOUSE_URL": _absolute(settings.warehouse),
        "WORKBENCH_LANDING_URI": str(settings.landing.absolute()),
        "WORKBENCH_MLFLOW_TRACKING_URI": _absolute(settings.mlflow_uri),
        "WORKBENCH_REPORTING_CURRENCY": settings.reporting_currency,
        "WORKBENCH_LOCK_TIMEOUT": str(settings.lock_timeout),
        "WORKBENCH_RUN_ID": run_id,
        "WORKBENCH_STAGE": stage,
        IMPORTS: ",".join(imports),
        # A person's own start-up files would make runs differ from one machine to the next.
        "IPYTHONDIR": str(settings.home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    if not _installed():
        root = str(Path(__file__).resolve().parents[2])
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    return env


def _absolute(url: str) -> str:
    """Return a URL of a local file with its path made absolute; any other as it is."""
    for scheme in ("duckdb:///", "sqlite:///"):
        if url.startswith(scheme):
            return scheme + str(Path(url.removeprefix(scheme)).absolute())
    return url


def _installed() -> bool:
    try:
        return bool(importlib.metadata.version("workbench"))
    except importlib.metadata.PackageNotFoundError:
        return False
