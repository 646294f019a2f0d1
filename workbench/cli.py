"""The ``workbench`` program: parse, call, print."""

from __future__ import annotations

import sys

import typer

from workbench.commands import demo, detect, execute, generate, models, queue, services, warehouse, worker
from workbench.errors import WorkbenchError
from workbench.execution import quick
from workbench.terminal import printable

app = typer.Typer(
    name="workbench",
    help="Notebooks that run on schedule, over a data warehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (demo, warehouse, execute, detect, models, generate, worker, queue, services):
    module.register(app)


def main() -> None:
    """Run the program; exit 0 done, 1 the work failed, 2 the call was wrong."""
    quick.program = True
    try:
        app()
    except WorkbenchError as error:
        print(f"workbench: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("workbench: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
