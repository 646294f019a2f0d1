"""The process for a notebook: forked from a parent that has its libraries, or a kernel started afresh."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.execution.kernels.fork.client import CannotFork, ZygoteClient, find_zygote
from workbench.execution.notebook.imports import Closure, closure
from workbench.execution.notebook.language import PYTHON
from workbench.settings import get_settings
from workbench.warehouse import unused_modules

if TYPE_CHECKING:
    from workbench.execution.kernels.jupyter_kernel import KernelProcess
    from workbench.execution.kernels.process import Process

_ATTEMPTS = 5


def start_process(
    content: Mapping[str, Any],
    folder: Path,
    env: Mapping[str, str],
    log: Path,
    *,
    cold: bool = False,
    alone: bool = True,
    kernel_name: str = PYTHON,
    start_timeout: float = 60,
) -> tuple[Process, str, str | None]:
    """Start a process for a notebook.

    Args:
        content: the notebook's JSON.
        folder: the process's working directory.
        env: its environment.
        log: where a kernel keeps what it prints past the notebook.
        cold: don't fork.
        alone: no other notebook that will be forked could use what only functions import.
        kernel_name: the kernel; any but this Python's own is started afresh.
        start_timeout: seconds until a kernel must answer.

    Returns:
        The process; ``fork`` or ``kernel``; and why it wasn't forked, if so.
    """
    why = "asked for" if cold else None
    if kernel_name != PYTHON:
        why = f"it runs in the kernel {kernel_name}"
    if why is None:
        try:
            return fork(content, folder, env, alone=alone), "fork", None
        except CannotFork as error:
            why = str(error)
    return start_kernel(content, folder, env, log, kernel_name, start_timeout), "kernel", why


def start_kernel(
    content: Mapping[str, Any],
    folder: Path,
    env: Mapping[str, str],
    log: Path,
    name: str = PYTHON,
    start_timeout: float = 60,
) -> KernelProcess:
    """Start a kernel afresh; if it is Python's it imports what the notebook will while it waits."""
    from workbench.execution.kernels.jupyter_kernel import KernelProcess
    from workbench.execution.kernels.launch import IMPORTS

    imports = ",".join(wanted(_imports(content, folder), folder)) if name == PYTHON else ""
    return KernelProcess({**env, IMPORTS: imports}, folder, log, name, start_timeout)


def preload(content: Mapping[str, Any], folder: Path, env: Mapping[str, str], *, alone: bool = False) -> None:
    """Have a zygote import what a notebook will, its own code first; of one ``alone`` what it imports at once.

    Raises:
        CannotFork: there can't be one.
    """
    found = _imports(content, folder)
    zygote = find_zygote(env, found.first_party)
    zygote.preload(_identity(env), wanted(found, folder, alone), () if alone else found.ahead)


def fork(content: Mapping[str, Any], folder: Path, env: Mapping[str, str], *, alone: bool = True) -> Any:
    """Return a forked process for a notebook; one that isn't ``alone`` leaves others what it imports later on.

    Raises:
        CannotFork: it can't be had.
    """
    found = _imports(content, folder)
    imports = wanted(found, folder, alone)
    for _ in range(_ATTEMPTS):
        zygote: ZygoteClient = find_zygote(env, found.first_party)
        if child := zygote.fork(env, folder, imports, _threads(env), _identity(env), found.later):
            return child
        # A module made it unfit to fork, which is known now: the next one leaves it out.
        zygote.alive = False
    raise CannotFork("no process could be forked")


def wanted(found: Closure, folder: Path, alone: bool = True) -> list[str]:
    """Return the modules to import before a notebook is forked: what it names itself, and what those of ours name.

    Of one ``alone`` these are what it imports at once, else also those of ours that only functions import. What lies
    beside the notebook is its own, and another's of the same name must not take its place.
    """
    beside = {path.stem for path in folder.iterdir()} if folder.is_dir() else set()
    names = dict.fromkeys([*found.direct, *found.own, *(() if alone else found.lazy)])
    return [name for name in names if name.partition(".")[0] not in beside]


def _imports(content: Mapping[str, Any], folder: Path) -> Closure:
    settings = get_settings()
    return closure(content, folder, settings.kept_imports, unused_modules(settings.warehouse))


def _identity(env: Mapping[str, str]) -> str:
    return f"{env.get('WORKBENCH_RUN_ID')}.{env.get('WORKBENCH_STAGE')}"


def _threads(env: Mapping[str, str]) -> int:
    """Return the threads that numerical libraries may take."""
    threads = env.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(threads) if threads.isdigit() and int(threads) else len(os.sched_getaffinity(0))
