"""Start a kernel that has its notebook's libraries imported before the first cell comes.

Run as ``python -m workbench.execution.launch -f CONNECTION_FILE``. The modules are named in
``WORKBENCH_IMPORTS``; one that can't be imported is left for the notebook to report.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

IMPORTS = "WORKBENCH_IMPORTS"


def main() -> None:
    """Import what was asked for and serve as a kernel."""
    names = [name for name in os.environ.pop(IMPORTS, "").split(",") if name]
    # With -m the working directory comes first; a file there must not hide a library.
    here = sys.path.pop(0) if sys.path and sys.path[0] in ("", os.getcwd()) else None  # noqa: PTH109
    # As ipykernel does, but before anything imports matplotlib.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    from ipykernel.kernelapp import IPKernelApp

    if here is not None:
        sys.path.insert(0, here)
    IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
