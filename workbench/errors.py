"""The two ways a call can end badly, and the exit status of each; `workbench --help` has them all."""

from __future__ import annotations

import difflib
import re
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from typing import Any


class WorkbenchError(Exception):
    """Base of every error that is meant for a person; its text is one clear line."""

    exit_status = 1


class UsageError(WorkbenchError):
    """The call was wrong: an unknown name, a wrong type, a missing file. Exit status 2."""

    exit_status = 2


class WorkFailed(WorkbenchError):
    """The call was right but the work failed. Exit status 1."""

    exit_status = 1


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name nobody declared: it names the nearest one, or lists all."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(choices) or 'none'}"
    return UsageError(f"unknown {kind} {name!r}; {hint}")


_MUST_BE = {
    "missing": "it is missing",
    "dict": "it must be a mapping, `name: value`",
    "model": "it must be a mapping, `name: value`",
    "list": "it must be a list",
    "tuple": "it must be a list",
    "string": "it must be a text",
    "string_unicode": "it must be a text, without halves of characters (\\uD800 to \\uDFFF)",
    "int": "it must be a whole number",
    "float": "it must be a number",
    "decimal": "it must be a number",
    "bool": "it must be true or false",
}


def plainly(problem: Mapping[str, Any]) -> str:
    """Return what pydantic has against a value, one of its ``errors()``, in words for who wrote the value."""
    kind, _, what = problem["type"].partition("_")
    if problem["type"] == "string_unicode":
        return _MUST_BE["string_unicode"]
    if what in ("", "type", "parsing", "attributes_type") and kind in _MUST_BE:
        return _MUST_BE[kind]
    if problem["type"] == "too_short":
        return f"it has {problem['ctx']['actual_length']} entries, and must have {problem['ctx']['min_length']} at least"
    text = problem["msg"].removeprefix("Value error, ")
    return re.sub(
        "^Input should be ", "it must be ", re.sub("^Input should be a valid ", "it must be a ", text)
    )


def one_line(text: str, longest: int = 500) -> str:
    """Return a text with single blanks in place of its line breaks, cut to so many characters."""
    return " ".join(text.split())[:longest]


def first_line(text: str, longest: int = 500) -> str:
    """Return the first line of a text that says something, with an ellipsis where it is cut; empty if none does."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= longest else line[: longest - 1] + "…"


def is_interrupt(error: BaseException) -> bool:
    """Whether somebody pressed Ctrl-C: while DuckDB works on a statement, its client makes an error of its own of that."""
    return isinstance(error, KeyboardInterrupt) or (
        isinstance(error, RuntimeError) and str(error) == "Query interrupted"
    )


_OUT_OF_MEMORY = (
    "out of memory: this takes more than the machine has, or than a limit (ulimit, container) leaves it"
)


def cause_of(error: BaseException) -> str | None:
    """Return in one line what the machine or an engine refused; None if the error is of another kind, a fault of ours."""
    engine = getattr(sys.modules.get("duckdb"), "Error", ())
    if isinstance(error, MemoryError) or (
        engine and isinstance(error, sys.modules["duckdb"].OutOfMemoryException)
    ):
        told = first_line(str(error)).removeprefix("Out of Memory Error: ")
        return ": ".join(filter(None, [_OUT_OF_MEMORY, told]))
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "no further thread can be started: memory, or the number of processes, is at its limit"
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(filter(None, [error.strerror, error.filename and str(error.filename)]))
    if isinstance(error, OSError | sqlite3.Error) or (engine and isinstance(error, engine)):
        return " ".join(str(error).split()) or type(error).__name__
    return None
