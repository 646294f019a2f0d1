"""The parent from which notebooks are forked: it imports, forks and reaps, and does nothing else.

Run as ``python -m workbench.execution.kernels.fork.zygote DESCRIPTOR [kernels]``; the descriptor is a socket of packets
to the supervisor. With ``kernels`` its children are whole kernels, else they run the cells they are sent. It has one thread, no event loop and no work of its own, since a child of a process that has worked
may hang: OpenMP's pool and the locks of other threads don't survive a fork.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections import deque
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
        # Modules to import before any others, and those to import ahead, with the notebooks to come that may import them.
        self._now: deque[str] = deque()
        self._ahead: dict[str, set[str]] = {}
        self._someday: deque[str] = deque()
        self._met: set[str] = set()
        self._unsafe = self._importing = False
        self._looked_at = 0
        self._kernels = kernels
        from workbench.execution.kernels.fork.shell import make_app

        self._app = make_app(debugger=kernels)
        from workbench.execution.kernels.fork.recall import Recall

        self._recall = Recall(self._app)
        from workbench.execution.kernels.fork.reaping import Children

        self._children = Children(self._send)
        self._started_with = dict(os.environ)

    def serve(self) -> None:
        """Answer until the supervisor's end is closed; then nothing is left running."""
        wake, signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._on_child)
        signal.signal(signal.SIGIO, self._on_control)
        fcntl.fcntl(self._control, fcntl.F_SETOWN, os.getpid())
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
                        self._children.end_all()
                        return
                self._children.reap()
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
        return _SILENCE if self._someday and not self._children.running else None

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
        fcntl.fcntl(self._control, fcntl.F_SETFL, os.O_ASYNC)
        try:
            # Who waits for one that ended before this line must not wait for an import to end.
            self._on_child()
            self._on_control()
            self._recall.load(name)
        finally:
            fcntl.fcntl(self._control, fcntl.F_SETFL, 0)
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
        self._children.running[pid] = request["id"]
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

    def _on_child(self, *_: Any) -> None:
        """Tell of ends during an import; else it is for the loop to see to."""
        if self._importing:
            self._children.tell_ends()

    def _on_control(self, *_: Any) -> None:
        """End in the midst of an import where the supervisor is gone, for the import may never end."""
        if self._importing:
            try:
                if self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    return
            except BlockingIOError:
                return
            except OSError:
                pass
            self._importing = False
            self._children.end_all()
            os._exit(0)

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
