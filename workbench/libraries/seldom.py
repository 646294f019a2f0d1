"""A mark for functions that few runs call, and whose libraries no process should load ahead for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def seldom(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function that is called in few of the runs that could call it.

    What functions import is loaded into the processes of notebooks before they ask for it. What only functions with this
    mark import is left until one is called (:mod:`workbench.execution.notebook.imports`).
    """
    return function
