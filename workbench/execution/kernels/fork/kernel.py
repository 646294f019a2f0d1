"""A forked process that is a kernel: ipykernel's own, with its sockets, under any Jupyter client."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Sequence

from workbench.execution.kernels.fork.child import SpawnArguments, detach, leave
from workbench.execution.kernels.fork.shell import PipeApp

_LONGEST = 5.0
"""Seconds for which a thread may go on with its last answer."""


def serve(app: PipeApp, spawn: SpawnArguments, parent: int, arguments: Sequence[str]) -> None:
    """Be a kernel until told to end; never returns. To be called in a process that was just forked.

    ``arguments`` are those of ``python -m ipykernel_launcher``.
    """
    status = 1
    try:
        detach(spawn, parent)
        os.close(spawn.commands)
        os.close(spawn.events)
        app.connect(arguments, parent)
        app.start()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0
    except BaseException:
        with contextlib.suppress(OSError):
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        _finish_answering(app)
        leave(status)


def _finish_answering(app: PipeApp) -> None:
    """Let the thread that was told to shut down say that it has.

    ipykernel closes what it says so through first, and then waits for it, half a minute if need be.
    """
    thread = getattr(app, "control_thread", None)
    if thread is not None and thread.is_alive():
        thread.stop()
        thread.join(_LONGEST)
