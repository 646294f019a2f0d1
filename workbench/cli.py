"""The ``workbench`` program: parse, call, print."""

from __future__ import annotations

import gc
import inspect
import sys
from copy import copy
from functools import cache
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from workbench.commands.anomalies import alerts, detect, models
from workbench.commands.data import (
    batches,
    customers,
    load,
    products,
    quarantine,
    schema,
    sources,
    warehouse,
    where,
)
from workbench.commands.given import check_given
from workbench.commands.processes import queue, services, worker
from workbench.commands.runs import backfill, check, execute, schedule, trigger
from workbench.commands.samples import demo, generate
from workbench.errors import WorkbenchError, cause_of, is_interrupt
from workbench.libraries import slim_imports as quick
from workbench.terminal import (
    leave_full_pipes,
    open_standard_streams,
    outlive_readers,
    prefer_utf8,
    printable,
)

_STOPPED = 130
_STATUSES = (
    "Exit status: 0 done; 1 the work failed, be it for want of memory or disk; 2 the call was wrong; 130 stopped by Ctrl-C. "
    "A reader of the output that goes away (| head) changes nothing of that, and is no error: a query ends then, other work is done."
)

app = typer.Typer(
    name="workbench",
    help=f"Notebooks that run on schedule, over a data warehouse.\n\n{_STATUSES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    demo, warehouse, load, sources, quarantine, batches, customers, products, where, alerts, execute, backfill, check, detect, models, schema, generate, schedule, worker, queue, trigger, services,
):  # fmt: skip
    module.register(app)


def _fill(program: typer.Typer) -> None:
    """Let the paragraphs of help fill the line; Typer ends lines where the docstrings do."""
    for each in program.registered_commands:
        paragraphs = (each.help or inspect.getdoc(each.callback) or "").split("\n\n")
        each.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for group in program.registered_groups:
        if group.typer_instance is not None:
            _fill(group.typer_instance)


_fill(app)


def _version(asked: bool) -> None:
    if asked:
        import platform
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("workbench")
        except PackageNotFoundError:
            found = "(not installed)"
        print(f"workbench {found}, Python {platform.python_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Notebooks that run on schedule, over a data warehouse."""


@cache
def _program(name: str) -> Any:
    """Return the program as it is run, with one command alone if it has the name: to make all takes as long as many a command."""
    wanted = copy(app)
    wanted.registered_commands = [
        each
        for each in app.registered_commands
        if (each.name or getattr(each.callback, "__name__", "")) == name
    ]
    wanted.registered_groups = [each for each in app.registered_groups if each.name == name]
    is_one = len(wanted.registered_commands) + len(wanted.registered_groups) == 1
    program = typer.main.get_command(wanted if is_one else app)
    check_given(program)
    return program


def main() -> None:
    """Run the program; exit 0 done, 1 the work failed, 2 the call was wrong, 130 stopped; readers of its output may go away."""
    quick.program = True
    # Imports make objects that stay: to look for unused ones among them every 700 takes a tenth of a short command.
    gc.set_threshold(50_000, 20, 20)
    open_standard_streams()
    prefer_utf8()
    outlive_readers()
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # What a terminal of another code page can't show, or is no text in a path, is written out.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _program("".join(sys.argv[1:2]))()
    except WorkbenchError as error:
        print(f"workbench: {printable(_without_secrets(str(error)))}", file=sys.stderr)
        sys.exit(error.exit_status)
    except SystemExit as end:
        if end.code == _STOPPED:
            leave_full_pipes()
        raise
    except (KeyboardInterrupt, Exception) as error:
        if is_interrupt(error):
            leave_full_pipes()
            print("workbench: stopped", file=sys.stderr)
            sys.exit(_STOPPED)
        if (cause := cause_of(error)) is None:
            raise
        print(f"workbench: {printable(cause)}", file=sys.stderr)
        sys.exit(1)


def _without_secrets(text: str) -> str:
    """Return the text of an error without the passwords of the settings; an address may hold one."""
    from workbench.secrets.redact import Redactor
    from workbench.settings import get_settings

    try:
        return Redactor(get_settings().secrets).text(text)
    except WorkbenchError:
        # It is the settings that are wrong; their error shows no value of a secret.
        return text


if __name__ == "__main__":
    main()
