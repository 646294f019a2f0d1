"""The supervisor's side: zygotes are started, kept for the next notebook, and asked to fork."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

from workbench.errors import WorkbenchError
from workbench.execution.kernels.fork.forked_process import Child, ForkedProcess
from workbench.execution.kernels.fork.linux import kill_group

_KEPT = 2
# They change from call to call, or from home to home, without a library's import caring.
_PASSING = (
    *("_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "PYTEST_CURRENT_TEST"),
    *("MLFLOW_RUN_CONTEXT", "MLFLOW_TRACKING_URI", "_MLFLOW_SERVER_ARTIFACT_ROOT"),
)
_lock = threading.Lock()
_kept: dict[tuple[bool, tuple[tuple[str, str], ...]], ZygoteClient] = {}
_all: WeakSet[ZygoteClient] = WeakSet()
_unsafe: set[str] = set()


class CannotFork(WorkbenchError):
    """Notebooks can't be forked here; a kernel started afresh does it. The text says why."""


class ZygoteClient:
    """A zygote process with a given environment; children may be asked for from several threads."""

    def __init__(self, environment: Mapping[str, str], kernels: bool = False) -> None:
        self.started = time.time()
        self._numbers = itertools.count(1)
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self.alive = True
        self._retired = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "workbench.execution.kernels.fork.zygote", str(theirs.fileno())),
                    *(["kernels"] if kernels else []),
                ],
                pass_fds=[theirs.fileno()],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours
        _all.add(self)
        threading.Thread(target=self._listen, name="zygote", daemon=True).start()

    @property
    def pid(self) -> int:
        """Number of the zygote process."""
        return self._process.pid

    def preload(self, notebook: str, now: Iterable[str], ahead: Iterable[str] = ()) -> None:
        """Have modules imported: ``now`` before anything else, those ``ahead`` until that notebook is forked."""
        self._send({"op": "import", "notebook": notebook, "now": _safe(now), "ahead": _safe(ahead)})

    def fork(
        self,
        environment: Mapping[str, str],
        folder: Path,
        imports: Iterable[str],
        threads: int,
        notebook: str = "",
        later: Iterable[str] = (),
    ) -> ForkedProcess | None:
        """Return a new process, or None if this zygote can't make one any more.

        ``later`` are imported when all is quiet, for the next of its kind.
        """
        child = ForkedProcess(self.number(), self.forget)
        more = {"notebook": notebook, "later": _safe(later)}
        return child if self.ask(child, environment, folder, imports, threads, **more) else None

    def number(self) -> int:
        """Return a number that no other of its processes has."""
        return next(self._numbers)

    def ask(
        self,
        child: Child,
        environment: Mapping[str, str],
        folder: Path,
        imports: Iterable[str],
        threads: int,
        **more: Any,
    ) -> bool:
        """Have a process forked; return whether it was. ``more`` goes into the request."""
        with self._lock:
            self._children[child.number] = child
        request = {
            "op": "fork",
            "id": child.number,
            "environment": dict(environment),
            "folder": str(folder),
            "imports": _safe(imports),
            "threads": threads,
            "notebook": "",
            "later": [],
            **more,
        }
        sent = self._send(request, child.theirs)
        for descriptor in child.theirs:
            os.close(descriptor)
        if sent:
            child.wait_known()
        if not sent or child.refused or not child.pid:
            child.close()
            return False
        return True

    def forget(self, child: Child) -> None:
        """Have no more to do with a process that ended."""
        with self._lock:
            self._children.pop(child.number, None)
            idle = self._retired and not self._children
        if idle:
            self.close()

    def retire(self) -> None:
        """Close as soon as the last of its processes has ended."""
        with self._lock:
            self._retired = True
            idle = not self._children
        if idle:
            self.close()

    def close(self) -> None:
        """End it, and all it forked."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        with self._lock:
            idle = not self._children
        if idle:
            # It may be in the midst of an import, and there is nothing to end but itself.
            self._process.kill()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """Have nothing to do with it, in a process that was forked from the one it serves: it isn't ours."""
        self.alive = False
        self._lock = threading.Lock()
        children, self._children = list(self._children.values()), {}
        # Our end of its socket would keep it alive when the other process has gone.
        self._control.close()
        # Whose child it is not can't wait for it either.
        self._process.returncode = 0
        for child in children:
            child.abandon()

    def _send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> bool:
        data = json.dumps(message).encode("utf-8", "surrogateescape")
        try:
            with self._lock:
                socket.send_fds(self._control, [data], descriptors or [])
        except OSError:
            return False
        return True

    def _listen(self) -> None:
        """Hand the zygote's words to those they concern, until it is gone."""
        with contextlib.suppress(OSError):
            while data := self._control.recv(1 << 16):
                message = json.loads(data)
                if message["op"] == "unsafe":
                    _unsafe.add(message["module"])
                    self.alive = False
                else:
                    with self._lock:
                        child = self._children.get(message["id"])
                    if child:
                        child.take(message)
        self.alive = False
        with self._lock:
            left = list(self._children.values())
        for child in left:
            if child.ending is None:
                # It dies with its zygote; what it started in its group does not.
                if child.pid:
                    kill_group(child.pid)
                child.take({"op": "exit", "status": None})
        self._process.wait()


def _safe(names: Iterable[str]) -> list[str]:
    return [name for name in names if name not in _unsafe]


def find_zygote(
    environment: Mapping[str, str], code: Iterable[Path] = (), *, kernels: bool = False
) -> ZygoteClient:
    """Return a zygote for an environment, the one at hand if nothing of it has changed.

    Args:
        environment: what the zygote is started with. Variables of Workbench's own, those of AWS and where MLflow's
            store is are read when they are used, so they may differ from one child to the next, as keys that expire
            do; and so may the folder of IPython's, but for whole kernels, which are configured there.
        code: files that mustn't have changed since it started.
        kernels: its children are whole kernels.

    Raises:
        CannotFork: this system can't.
    """
    if not sys.platform.startswith("linux"):
        raise CannotFork("processes are forked on Linux only")
    passing = _PASSING if kernels else (*_PASSING, "IPYTHONDIR")
    variables = tuple(
        sorted(
            (name, value)
            for name, value in environment.items()
            if name not in passing and not name.startswith(("WORKBENCH_", "AWS_"))
        )
    )
    key = (kernels, variables)
    newest = max((path.stat().st_mtime for path in code if path.is_file()), default=0.0)
    with _lock:
        found = _kept.pop(key, None)
        if found is not None and (not found.alive or newest > found.started):
            found.retire()
            found = None
        _kept[key] = found = found or ZygoteClient(environment, kernels)
        for old in list(_kept)[:-_KEPT]:
            _kept.pop(old).retire()
    return found


def _leave_to_parent() -> None:
    """Start anew in a process just forked: listeners are threads, which it hasn't got."""
    global _lock
    _lock = threading.Lock()
    _kept.clear()
    for zygote in list(_all):
        zygote.abandon()
    _all.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


@atexit.register
def close_zygotes() -> None:
    """End every zygote of this process, and what they forked."""
    with _lock:
        for zygote in _kept.values():
            zygote.close()
        _kept.clear()
