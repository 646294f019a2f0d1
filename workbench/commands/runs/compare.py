"""``workbench runs compare``: two runs side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.numbers import number

if TYPE_CHECKING:
    from workbench.execution import Run

RunId = Annotated[
    str, typer.Argument(metavar="ID", help="A run, the beginning of its id, or `latest`.", show_default=False)
]


def compare(
    first: RunId,
    second: RunId,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show two runs side by side: parameters, states, seconds, rows, counts and metrics."""
    from workbench.execution.records.store import read_run
    from workbench.settings import get_settings

    settings = get_settings()
    runs = [read_run(each, settings) for each in (first, second)]
    facts = [dict(_facts(run)) for run in runs]
    names = list(dict.fromkeys([*facts[0], *facts[1]]))
    rows = [(name, facts[0].get(name), facts[1].get(name)) for name in names]
    if as_json:
        keys = ("stage", "what")
        print(
            json.dumps(
                {
                    "runs": [run.run_id for run in runs],
                    "facts": [dict(zip(keys, name, strict=True)) | {"values": [a, b]} for name, a, b in rows],
                },
                indent=2,
            )
        )
        return
    _print(runs, rows)


def _facts(run: Run) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield ((stage or nothing, what), value)."""
    yield ("", "pipeline"), run.pipeline
    yield ("", "state"), run.state
    yield ("", "seconds"), run.seconds
    yield ("", "rows"), run.rows
    yield ("", "code"), run.code_version
    for name, value in run.parameters.items():
        yield ("", f"parameter {name}"), value
    for stage in run.stages:
        yield (stage.name, "state"), stage.state
        for what in ("seconds", "cpu_seconds", "peak_memory"):
            yield (stage.name, what), getattr(stage, what)
        for part in (stage.tables, stage.counts, stage.metrics):
            for name, value in part.items():
                yield (stage.name, name), value


def _print(runs: list[Run], rows: list[tuple[tuple[str, str], Any, Any]]) -> None:
    from workbench.commands.tables import show

    known = [row for row in rows if row[1] is not None or row[2] is not None]
    show(
        ("stage", "what", *(run.run_id for run in runs), "change"),
        [(stage, what, _text(old), _text(new), _change(old, new)) for (stage, what), old, new in known],
        styles=[None if old != new else "dim" for _, old, new in known],
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else str(value)


def _change(old: Any, new: Any) -> str:
    """Return by how much a figure has changed, in percent of the old one."""
    figures = [each for each in (old, new) if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(figures) < 2 or not old or old == new:
        return ""
    return f"{(new - old) / abs(old):+.0%}"
