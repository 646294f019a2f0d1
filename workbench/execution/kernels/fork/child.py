"""A forked process that runs the cells of one notebook, as they are asked for, and tells what they do."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import os
import random
import resource
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.execution.kernels.exits import WISH, as_system_exit
from workbench.execution.kernels.fork.frames import FrameReader
from workbench.execution.kernels.fork.linux import set_death_signal, set_subreaper

if TYPE_CHECKING:
    from workbench.execution.kernels.fork.shell import PipeApp


@dataclass(frozen=True)
class SpawnArguments:
    """What a child is born with: descriptors of its pipes, its environment and its working directory."""

    commands: int
    events: int
    output: int
    errors: int
    environment: dict[str, str]
    folder: str
    threads: int


def live(app: PipeApp, spawn: SpawnArguments, parent: int) -> None:
    """Run cells until told to end; never returns. To be called in a process that was just forked."""
    status = 1
    try:
        detach(spawn, parent)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
            loop.run_until_complete(_serve(app, spawn))
        status = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        leave(status)


def detach(spawn: SpawnArguments, parent: int) -> None:
    """Make of a copy of the parent a process of its own."""
    os.setsid()
    set_death_signal(parent)
    # What its own children leave behind comes to it, and so to the parent when it ends.
    set_subreaper()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    # As in every Python: who writes to a pipe that nobody reads is told so, not ended.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    os.dup2(spawn.output, 1)
    os.dup2(spawn.errors, 2)
    os.close(spawn.output)
    os.close(spawn.errors)
    # A dump of its memory would be of the size of all libraries.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.environ.clear()
    os.environ.update(spawn.environment)
    # Whoever starts a kernel sets it, and libraries take it for the sign of one.
    os.environ["JPY_PARENT_PID"] = str(parent)
    os.chdir(spawn.folder)
    # Processes that are started afresh, as those of a pool, begin there and find the modules beside the notebook.
    if process := sys.modules.get("multiprocessing.process"):
        process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]  # noqa: PTH109
    faulthandler.enable(file=2)
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if spawn.threads > 1 and "threadpoolctl" in sys.modules:
        with contextlib.suppress(Exception):
            sys.modules["threadpoolctl"].threadpool_limits(spawn.threads)
    gc.enable()


async def _serve(app: PipeApp, spawn: SpawnArguments) -> None:
    from workbench.secrets import secret

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 30)
    own = os.getpid()
    with os.fdopen(spawn.commands, "rb", buffering=0) as pipe:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        frames = FrameReader()
        app.flush()
        session = app.session
        session.attach(spawn.events, (1, 2))
        _only_note_exits(app.shell)
        secret.on_reveal = lambda value: session.emit("secret", {"value": value})
        session.emit("ready", {})
        while data := await reader.read(1 << 20):
            for command in frames.feed(data):
                if command["command"] == "end":
                    transport.close()
                    return
                if command["command"] == "comm":
                    app.kernel.take_comm(command["content"])
                    continue
                done = await _run_cell(app.kernel, command["source"])
                if os.getpid() != own:
                    # The cell forked, and this is what it forked: the rest is its parent's.
                    os._exit(0)
                session.emit("done", done)


async def _run_cell(kernel: Any, source: str) -> dict[str, Any]:
    """Run a cell as ipykernel does; return what its reply holds."""
    shell = kernel.shell
    shell.last_execution_result = None
    reply: dict[str, Any] = {}
    with contextlib.suppress(Exception):
        # It fails over an error that can't say what it is.
        reply = await kernel.run_cell(source)
    result = shell.last_execution_result
    error = result and (
        result.error_in_exec if result.error_before_exec is None else result.error_before_exec
    )
    ok = result and result.success and not getattr(shell, "_last_traceback_during_displayhook", False)
    return {
        "ok": bool(ok),
        "count": shell.execution_count - 1,
        "ename": _name(error) if error is not None else "",
        "evalue": _text(error) if error is not None else "",
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **as_system_exit(reply),
    }


def _only_note_exits(shell: Any) -> None:
    """Have ``exit()`` noted in its cell's reply, where ipykernel would stop the loop a moment later, in whatever cell."""

    def note() -> None:
        shell.payload_manager.write_payload({"source": WISH, "keepkernel": shell.keepkernel_on_exit})

    shell.ask_exit = note


def _name(error: BaseException) -> str:
    try:
        return str(type(error).__name__)
    except BaseException:
        return "Exception"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "its text can't be had"


def leave(status: int) -> None:
    """Run what is to be run at exit, and be gone: tearing the interpreter down is wasted time."""
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with contextlib.suppress(BaseException):
        import atexit

        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(status)
