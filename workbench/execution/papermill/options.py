"""Papermill's own options: what they ask for, as a job, and how a wrong call is answered."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.execution.kernels.environment import plain_environment
from workbench.execution.kernels.job import Job, Limits
from workbench.execution.kernels.start import start_process
from workbench.execution.notebook.language import find_kernel
from workbench.execution.papermill.binding import bind_parameters
from workbench.secrets.redact import Redactor


def job_for(
    nb: Any,
    kernel_name: str,
    output_path: str | None,
    *,
    input_path: Any = None,
    log_output: bool = False,
    stdout_file: Any = None,
    stderr_file: Any = None,
    start_timeout: float = 60,
    execution_timeout: float | None = None,
    cold: bool = False,
    **_: Any,
) -> Job:
    """Return the job that papermill's own options ask for; options of other engines are ignored."""
    from workbench.execution.papermill.manager import write_at_once

    if output_path:
        write_at_once(output_path)
    source = str(input_path) if isinstance(input_path, (str, os.PathLike)) else ""
    scratch = Scratch()
    folder = Path(scratch.name)
    env = {**os.environ, **plain_environment(_home())}
    kernel = find_kernel(nb, "the notebook", kernel_name)

    values, redactor = bind_parameters(nb, "the notebook") if kernel.python else ({}, Redactor())

    def start() -> tuple[Any, str, str | None]:
        return start_process(
            nb,
            Path.cwd(),
            env,
            folder / "kernel.log",
            cold=cold,
            kernel_name=kernel.name,
            start_timeout=start_timeout,
        )

    return Job(
        start=start,
        output=None,
        journal=folder / "journal.jsonl",
        redactor=redactor,
        values=values,
        limits=Limits(cell=execution_timeout),
        source=source,
        on_output=_teller(log_output, stdout_file, stderr_file),
        scratch=scratch,
        kernel=kernel,
    )


class Scratch:
    """A folder that goes with its holder, or at the end of the process that made it; not of one it forked."""

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp(prefix="workbench-")
        self.cleanup = weakref.finalize(self, _remove, self.name, os.getpid())


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _holder(process: int) -> Scratch:
    return Scratch()


def _home() -> Path:
    """Return a folder of this process: the same for each notebook, so that they are forked from one parent."""
    return Path(_holder(os.getpid()).name)


@contextlib.contextmanager
def as_click_errors() -> Iterator[None]:
    """Have papermill's program answer a wrong call with one line and exit status 2."""
    from click import ClickException

    class WrongCall(UsageError, ClickException):
        exit_code = UsageError.exit_status

    try:
        yield
    except UsageError as error:
        raise WrongCall(str(error)) from error


def _teller(log_output: bool, stdout_file: Any, stderr_file: Any) -> Callable[[dict[str, Any]], None] | None:
    if not (log_output or stdout_file or stderr_file):
        return None
    from papermill.log import logger

    def tell(event: dict[str, Any]) -> None:
        if event["event"] == "stream":
            out = event["name"] == "stdout"
            if log_output:
                (logger.info if out else logger.warning)(event["text"])
            if file := stdout_file if out else stderr_file:
                file.write(event["text"])
                file.flush()
        elif log_output and "text/plain" in event.get("data", {}):
            logger.info(event["data"]["text/plain"])

    return tell
