"""The parent from which notebooks are forked: it imports, forks and reaps, and does nothing else.

Run as ``python -m workbench.execution.kernels.fork.zygote DESCRIPTOR [kernels]``; the descriptor is a socket of packets
to the supervisor. With ``kernels`` its children are whole kernels, else they run the cells they are sent. It has one thread, no event loop and no work of its own, since a child of a process that has worked
may hang: OpenMP's pool and the locks of other threads don't survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

# pyarrow's allocator has a thread that holds no lock across a fork.
HARMLESS = ("jemalloc_bg_thd",)
_PACKET = 1 << 20
# Seconds of silence after which modules are imported that nobody waits for.
_SILENCE = 2.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Zygote:
    """Serves one supervisor until it goes."""

    def __init__(self, control: socket.socket, kernels: bool = False) -> None:
        self._control = control
        self._running: dict[int, int] = {}
        # Modules to import before any others, and those to import ahead, with the notebooks to come that may import them.
        self._now: deque[str] = deque()
        self._ahead: dict[str, set[str]] = {}
        self._someday: deque[str] = deque()
        self._met: set[str] = set()
        self._unsafe = self._importing = self._left_orphans = False
        self._looked_at = 0
        self._kernels = kernels
        from workbench.execution.kernels.fork.shell import make_app

        self._app = make_app(debugger=kernels)
        from workbench.execution.kernels.fork.recall import Recall

        self._recall = Recall(self._app)
        self._started_with = dict(os.environ)

    def serve(self) -> None:
        """Answer until the supervisor's end is closed; then nothing is left running."""
        wake, signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._on_child)
        with selectors.DefaultSelector() as ready:
            ready.register(self._control, selectors.EVENT_READ)
            ready.register(wake, selectors.EVENT_READ)
            while True:
                found = ready.select(self._patience())
                for key, _ in found:
                    if key.fd == wake:
                        with contextlib.suppress(BlockingIOError):
                            os.read(wake, 4096)
                    elif not self._answer():
                        self._end()
                        return
                self._reap()
                if not found:
                    self._import_next()

    def _patience(self) -> float | None:
        """Return for how long to wait for a request; after it a module is imported.

        What a notebook that runs already may import comes too late for it, and would take its processor: that waits
        until all is quiet.
        """
        if self._unsafe:
            return None
        if self._now or self._ahead:
            return 0
        return _SILENCE if self._someday and not self._running else None

    def _answer(self) -> bool:
        """Take one request; return False when the supervisor is gone."""
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, _PACKET, 4)
        except OSError:
            return False
        if not packet:
            return False
        request = json.loads(packet)
        if request["op"] == "import":
            # One at a time, for a notebook that is to be forked at once must not wait for what another will need.
            self._now.extend(request["now"])
            for name in request["ahead"]:
                if name not in self._met:
                    self._ahead.setdefault(name, set()).add(request["notebook"])
        elif request["op"] == "fork":
            for name in request["imports"]:
                self._import(name)
            self._fork(request, descriptors)
            self._put_off(request)
        return True

    def _import_next(self) -> None:
        """Import one module of those that nobody waits for yet."""
        if self._now:
            self._import(self._now.popleft())
        elif self._ahead:
            name = next(iter(self._ahead))
            del self._ahead[name]
            self._import(name)
        elif self._someday:
            self._import(self._someday.popleft())

    def _put_off(self, request: dict[str, Any]) -> None:
        """Leave what only a notebook that was forked may import for the next of its kind."""
        for name, notebooks in list(self._ahead.items()):
            notebooks.discard(request["notebook"])
            if not notebooks:
                del self._ahead[name]
        known = self._met.union(self._ahead, self._someday)
        self._someday.extend(name for name in request["later"] if name not in known)

    def _import(self, name: str) -> None:
        """Import a module; one that can't be is left for the notebook to report."""
        if name in self._met or self._unsafe:
            return
        self._met.add(name)
        self._importing = True
        try:
            # Who waits for one that ended before this line must not wait for an import to end.
            self._on_child()
            self._recall.load(name)
        finally:
            self._importing = False
        from workbench.execution.kernels.fork.linux import thread_names

        if others := [thread for thread in thread_names() if thread not in HARMLESS]:
            self._unsafe = True
            self._send({"op": "unsafe", "module": name, "threads": others})

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        if self._unsafe:
            for descriptor in descriptors:
                os.close(descriptor)
            self._send({"op": "refused", "id": request["id"]})
            return
        from workbench.execution.kernels.fork.child import SpawnArguments, live

        self._look_at_libraries()
        gc.freeze()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            gc.enable()
            self._control.close()
            commands, events, output, errors = descriptors
            spawn = SpawnArguments(
                commands=commands,
                events=events,
                output=output,
                errors=errors,
                environment=self._environment(request["environment"]),
                folder=request["folder"],
                threads=request["threads"],
            )
            if self._kernels:
                from workbench.execution.kernels.fork.kernel import serve

                serve(self._app, spawn, parent, request["arguments"])
            live(self._app, spawn, parent)
        for descriptor in descriptors:
            os.close(descriptor)
        self._running[pid] = request["id"]
        self._send({"op": "forked", "id": request["id"], "pid": pid})

    def _look_at_libraries(self) -> None:
        """Find the numerical libraries again if there may be new ones: threadpoolctl keeps their paths for the children."""
        if (known := len(sys.modules)) != self._looked_at and "threadpoolctl" in sys.modules:
            self._looked_at = known
            with contextlib.suppress(Exception):
                sys.modules["threadpoolctl"].ThreadpoolController()

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Return a child's environment with what imports have changed in ours, as they would have in its own."""
        before, after = self._started_with, os.environ
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name) and variables.get(name) == before.get(name):
                variables.pop(name, None)
                if name in after:
                    variables[name] = after[name]
        return variables

    def _reap(self) -> None:
        """Take leave of children that ended, and end what they left behind."""
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in self._running:
                    self._take_leave(found.si_pid, self._end_orphans)
                else:
                    os.waitpid(found.si_pid, 0)
        if self._left_orphans:
            self._left_orphans = False
            self._end_orphans()

    def _on_child(self, *_: Any) -> None:
        """Take leave of those that end while a module is imported, as that may take a second.

        Whatever else has ended may be the import's own; what they left behind is ended after it.
        """
        if self._importing:
            for pid in list(self._running):
                with contextlib.suppress(ChildProcessError):
                    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                        self._take_leave(pid, lambda: None)
                        self._left_orphans = True

    def _take_leave(self, pid: int, before_it_is_told: Callable[[], None]) -> None:
        from workbench.execution.kernels.fork.linux import kill_group

        # Its number is its own until it is waited for, so the group is surely its.
        kill_group(pid)
        _, status, usage = os.wait4(pid, 0)
        number = self._running.pop(pid)
        before_it_is_told()
        self._send(
            {
                "op": "exit",
                "id": number,
                "status": os.waitstatus_to_exitcode(status),
                "peak_memory": usage.ru_maxrss * 1024,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
            }
        )

    def _end_orphans(self) -> None:
        """Kill what a child's end left to this process; each may leave others."""
        from workbench.execution.kernels.fork.linux import children

        for _ in range(20):
            if not (orphans := children() - set(self._running)):
                return
            for pid in orphans:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _end(self) -> None:
        from workbench.execution.kernels.fork.linux import kill_group

        for pid in self._running:
            kill_group(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._running.clear()
        self._end_orphans()

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._control.send(json.dumps(message).encode())


def main() -> None:
    """Serve the supervisor at the other end of the descriptor."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # Imports make many objects that stay: to look for cycles among them takes an eighth of their time.
    gc.disable()
    # With -m the working directory comes first; a file there must not hide a library.
    if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109
        sys.path.pop(0)
    for name in _THREADS:
        os.environ[name] = "1"
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    from workbench.execution.kernels.fork.linux import set_subreaper

    set_subreaper()
    Zygote(control, kernels="kernels" in sys.argv[2:]).serve()
    os._exit(0)


if __name__ == "__main__":
    main()
