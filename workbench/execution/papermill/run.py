"""Papermill from both sides: the runner calls it, and its own users reach our engine through it."""

from __future__ import annotations

import logging
from typing import Any

from workbench.execution.kernels.job import Job
from workbench.execution.papermill.engine import ENGINE, WorkbenchEngine
from workbench.libraries.slim_imports import import_papermill

_GUESSES = ("Passed unknown parameter", "Unable to parse line", "Translator for ")


def _is_no_guess(record: logging.LogRecord) -> bool:
    """Leave out what papermill guesses of parameters that were checked.

    It knows none of the type ``int | None``, none whose default has an equals sign in it, and none of other languages.
    """
    return not record.getMessage().startswith(_GUESSES)


def run_through_papermill(content: dict[str, Any], job: Job) -> None:
    """Have papermill execute a notebook by our engine; what came of it is in ``job``."""
    import_papermill()
    import nbformat
    from papermill.engines import papermill_engines
    from papermill.execute import execute_notebook
    from papermill.log import logger

    # The entry point is there only if the package is installed.
    papermill_engines.register(ENGINE, WorkbenchEngine)
    for each in (logger, logging.getLogger("papermill.translators")):
        each.addFilter(_is_no_guess)
    execute_notebook(
        nbformat.from_dict(content),
        None,
        parameters=job.values or None,
        engine_name=ENGINE,
        kernel_name=job.kernel.name,
        language=job.kernel.language,
        progress_bar=False,
        job=job,
    )
