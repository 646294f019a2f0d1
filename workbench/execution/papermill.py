"""Papermill from both sides: the runner calls it, and its own users reach our engine through it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.execution.engine import ENGINE, redactor_of
from workbench.execution.environment import plain_environment
from workbench.execution.job import Job, Limits
from workbench.execution.processes import PYTHON, start_process


def run_through_papermill(content: dict[str, Any], values: dict[str, Any], job: Job) -> None:
    """Have papermill execute a notebook by our engine; what came of it is in ``job``."""
    import nbformat
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    with contextlib.suppress(PapermillExecutionError):
        execute_notebook(
            nbformat.from_dict(content),
            None,
            parameters=values or None,
            engine_name=ENGINE,
            kernel_name=PYTHON,
            language="python",
            progress_bar=False,
            job=job,
        )


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
    local = output_path is not None and "://" not in output_path
    output = Path(output_path).absolute() if local and output_path else None
    source = str(input_path) if isinstance(input_path, (str, os.PathLike)) else ""
    name = output.stem if output else "notebook"
    scratch = tempfile.TemporaryDirectory(prefix="workbench-", ignore_cleanup_errors=True)
    folder = Path(scratch.name)
    env = {**os.environ, **plain_environment(folder)}
    python = (nb.metadata.get("kernelspec") or {}).get("language", "python") == "python"

    def start() -> tuple[Any, str, str | None]:
        return start_process(
            nb,
            Path.cwd(),
            env,
            folder / f"{name}.log",
            cold=cold or not python,
            kernel_name=PYTHON if python else kernel_name,
            start_timeout=start_timeout,
        )

    return Job(
        start=start,
        output=output,
        journal=folder / "journal.jsonl",
        redactor=redactor_of(nb, "the notebook"),
        limits=Limits(cell=execution_timeout),
        source=source,
        on_output=_teller(log_output, stdout_file, stderr_file),
        scratch=scratch,
    )


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
