"""What a call gives wrong: an empty text, as of a script's variable that isn't set, mustn't mean all, or nothing, or this folder.

Bytes that are no text go no further, except in paths; nor do numbers that nothing has room for. And what typer refuses is told without the words of the library that it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typer import BadParameter

from workbench.commands.limits import LARGEST
from workbench.errors import UsageError
from workbench.terminal import is_text

_WORDS = {"note", "because", "reason", "by"}
"""What people say of what they do; where it may be left out, an empty one says as much."""

_MAY_BE_PATHS = {"source", "pipeline", "parameter", "parameters_file", "parameters_json"}
"""Beside those that can be nothing else: a file's name may be of any bytes."""


def check_given(command: Any) -> None:
    """Have a command and those below it refuse empty texts, bytes that are no text, and endless numbers."""
    for each in getattr(command, "commands", {}).values():
        check_given(each)
    for parameter in command.params:
        parameter.process_value = _heeding(parameter, parameter.process_value)


def _heeding(parameter: Any, process: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    name = parameter.opts[0]
    told = name if name.startswith("-") else (parameter.metavar or name.upper()).strip("[].")
    may_be_empty = parameter.name in _WORDS and (parameter.default is not None or parameter.required)

    def heed(ctx: Any, value: Any) -> Any:
        given = value if isinstance(value, list | tuple) else [value]
        if (
            not may_be_empty
            and "" in given
            and ctx.get_parameter_source(parameter.name).name == "COMMANDLINE"
        ):
            what = "say which" if parameter.required else "leave it out, or say which"
            raise UsageError(f"{told} is empty; {what}")
        try:
            found = process(ctx, value)
        except BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise
        for each in found if isinstance(found, list | tuple) else [found]:
            if isinstance(each, str) and parameter.name not in _MAY_BE_PATHS and not is_text(each):
                raise UsageError(
                    f"{told} has bytes that are no text in UTF-8; is the terminal's encoding (LANG) another?"
                )
            if isinstance(each, int) and abs(each) > LARGEST:
                raise UsageError(
                    f"{told} is beyond {LARGEST}, the largest whole number that there is room for"
                )
        return found

    return heed
