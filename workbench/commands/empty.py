"""What a call gives wrong: an empty text, as of a script's variable that isn't set, mustn't mean all, or nothing, or this folder.

And what typer refuses is told without the words of the library that it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typer import BadParameter

from workbench.commands.limits import LARGEST
from workbench.errors import UsageError

_WORDS = {"note", "because", "reason", "by"}
"""What people say of what they do; where it may be left out, an empty one says as much."""


def refuse_empty(command: Any) -> None:
    """Have a command and those below it refuse empty texts, where they are given."""
    for each in getattr(command, "commands", {}).values():
        refuse_empty(each)
    for parameter in command.params:
        if parameter.name not in _WORDS or (parameter.default is None and not parameter.required):
            parameter.process_value = _heeding(parameter, parameter.process_value)


def _heeding(parameter: Any, process: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    name = parameter.opts[0]
    told = name if name.startswith("-") else name.upper()

    def heed(ctx: Any, value: Any) -> Any:
        given = value if isinstance(value, list | tuple) else [value]
        if "" in given and ctx.get_parameter_source(parameter.name).name == "COMMANDLINE":
            what = "say which" if parameter.required else "leave it out, or say which"
            raise UsageError(f"{told} is empty; {what}")
        try:
            found = process(ctx, value)
        except BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise
        for number in found if isinstance(found, list | tuple) else [found]:
            if isinstance(number, int) and abs(number) > LARGEST:
                raise UsageError(
                    f"{told} is beyond {LARGEST}, the largest whole number that there is room for"
                )
        return found

    return heed
