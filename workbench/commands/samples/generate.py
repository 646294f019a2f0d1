"""Generate data for trials and benchmarks."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.demo.generated.generate import Truth


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(generate)


def generate(
    rows: Annotated[
        int, typer.Option(help="Lines of sales to write, bad ones included.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write into.", show_default=False)],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    bad_share: Annotated[float, typer.Option(help="Part of the lines that are bad, 0 to 0.5.")] = 0.01,
    returns: Annotated[
        float,
        typer.Option(help="Part of the good lines that come back, 0 to 0.5, in a file beside the sales."),
    ] = 0.0,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder with other things in it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was generated as JSON.")] = False,
) -> None:
    """Write realistic data with known faults, repeats, duplicate customers, anomalies and frauds.

    What was planted, and how much of it, is in DIR/truth.json; people and places are invented.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from workbench.demo.generated.generate import generate as write

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("preparing", total=1.0)
        truth = write(
            out, rows, seed=seed, bad_share=bad_share, returns_share=returns, force=force,
            progress=lambda what, done: bar.update(task, description=what, completed=done),
        )  # fmt: skip
    if as_json:
        print(json.dumps({"out": str(out.absolute()), **asdict(truth)}, indent=2))
    else:
        _show(truth, out)


def _show(truth: Truth, out: Path) -> None:
    for name, count in truth.rows.items():
        print(f"{count:>12,}  {out / name}")
    print(
        f"sales from {truth.first_day} to {truth.last_day}: {truth.accepted:,} good lines "
        f"({truth.exact_repeats:,} of them exact repeats), {truth.quarantined:,} bad ones"
    )
    for item in truth.anomalies:
        where = item.get("store_id") or item.get("department")
        print(f"planted: {str(item['kind']).replace('_', ' ')}, {where}, {' and '.join(item['dates'])}")
    if truth.frauds:
        kinds = " and ".join(f"{count:,} of a {kind}" for kind, count in truth.frauds.items())
        print(f"planted: frauds, {kinds}")
    if truth.returns:
        kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in truth.returns.items())
        print(f"planted: returns, {kinds}")
    print(f"{truth.persons:,} people under {truth.customer_ids:,} customer ids")
    print(f"all that is known about it: {out / 'truth.json'}   ({truth.seconds:.1f} s)")
    print(f"load it with: workbench load '{out}/*/*.csv'")
