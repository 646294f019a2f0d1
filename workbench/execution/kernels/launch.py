"""Start a kernel that has its notebook's libraries imported before the first cell comes.

Run as ``python -m workbench.execution.kernels.launch -f CONNECTION_FILE``. The modules are named in
``WORKBENCH_IMPORTS``; one that can't be imported is left for the notebook to report.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import sys
import time

IMPORTS = "WORKBENCH_IMPORTS"


def _leave() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            if stream is not None:
                stream.flush()
    os._exit(0)


def main() -> None:
    """Import what was asked for and serve as a kernel."""
    # Registered first, so run last: once every hook has run, tearing down large libraries is wasted time.
    atexit.register(_leave)
    names = [name for name in os.environ.pop(IMPORTS, "").split(",") if name]
    # With -m the working directory comes first; a file there must not hide a library.
    if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109
        sys.path.pop(0)
    from ipykernel.kernelapp import IPKernelApp

    kernel = IPKernelApp.instance()
    kernel.initialize()
    # Imported in the shell, as a cell would: a library may ask where it is, or keep hold of a stream.
    for name in names:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    # Registered after ipykernel's own hook, so run before it: its control thread may still be flushing, and
    # would wait ten seconds for an output thread that is gone.
    atexit.register(time.sleep, 0.05)
    kernel.start()


if __name__ == "__main__":
    main()
