"""``workbench load``: put what a source has into landing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import UsageError
from workbench.numbers import many
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.etl.ingestion.trying.trial import Trial
    from workbench.secrets.secret import Secret
    from workbench.sources.maps import Map

_FIRST = 2
"""Rows that are shown beside their columns."""
_LONGEST = 200

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("load")(load)


def load(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders or globs; also https://, sftp:// and s3://. Or the name of a declared source."
        ),
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Dataset it belongs to; else its folder's name tells.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Map for a file of another shape (YAML).")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            help="Password or token of a source elsewhere, by reference: env:NAME, file:PATH, aws:ID."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Of a declared source: read all of it, from its beginning.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="Of a declared source: a value of its cursor to read from.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what each file is and what would become of its rows; land nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Put files into landing, or what is new in a declared source; `workbench run retail_etl` takes it in from there.

    A file of no form that is read is refused; what is read, and what a map says of it, is in the guide to loading files.
    """
    from workbench.commands.data.sources import is_declared, load_declared
    from workbench.secrets.secret import Secret

    if declared := next(filter(is_declared, source), None):
        if len(source) > 1:
            raise UsageError(f"{declared} is a declared source: load it on its own")
        if dataset or map_file or secret or dry_run:
            raise UsageError(
                f"dataset, map and secret of the source {declared} are declared in sources.yaml, and it has no dry run"
            )
        load_declared(declared, full=full, since=since, as_json=as_json)
        return
    if full or since is not None:
        raise UsageError(
            f"--full and --since are for declared sources, and {source[0]} is none; see: workbench sources"
        )
    from workbench.sources.files import NotLanded, land

    given = Secret(secret) if secret else None
    if dry_run:
        _try(source, dataset, map_file, given, as_json)
        return
    problem = None
    try:
        landed = land(source, dataset, map_file, secret=given, check=_fits, warn=_warn)
    except NotLanded as error:
        landed, problem = error.landed, error
    if as_json:
        rows = [
            {"dataset": f.dataset, "path": f.uri, "batch_id": f.batch_id, "is_new": f.is_new} for f in landed
        ]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for file in landed:
            told = "landed" if file.is_new else "already landed"
            typer.echo(printable(f"{told}: {file.dataset}  {file.uri}"))
    if problem:
        raise problem
    if not as_json:
        typer.echo("next: workbench run retail_etl", err=True)


def _fits(path: Path, dataset: str, mapping: Map | None) -> None:
    from workbench.etl.ingestion.trying.fitting import check_file

    check_file(path, mapping)


def _warn(text: str) -> None:
    typer.echo(printable(f"warning: {text}"), err=True)


def _try(
    source: list[str], dataset: str | None, map_file: Path | None, secret: Secret | None, as_json: bool
) -> None:
    """Show what files are.

    Raises:
        UsageError: one of them would be refused whole.
    """
    from workbench.etl.ingestion.trying.trial import try_file
    from workbench.sources.files import described, found, named, read_named

    mapping = read_named(map_file, dataset)
    trials = []
    for each in named(source):
        with found(each, secret, _warn) as files:
            for file in files:
                with described(file, dataset, mapping) as (path, told, its_map):
                    trials.append(try_file(path, told, its_map))
                    if not as_json:
                        _show(trials[-1])
    if as_json:
        typer.echo(json.dumps([trial.as_dict() for trial in trials], indent=2))
    if refused := [trial for trial in trials if trial.status == "rejected"]:
        raise UsageError(
            "; ".join(f"{trial.file} would be refused whole: {trial.message}" for trial in refused)
        )


def _show(trial: Trial) -> None:
    from workbench.commands.tables import show

    if trial.form or trial.status == "empty":
        typer.echo(printable(f"{trial.file}: {trial.form or trial.message}"))
    # Where the share of faulty rows is too great, the rows say why; else the message says all.
    if not trial.form or (trial.status == "rejected" and trial.verdict is None):
        return
    firsts = trial.accepted[:_FIRST]
    names = ["column", "from", *(f"row {row['_row_number']}" for row in firsts)]
    show(
        names,
        [
            [name, theirs or "-", *(_cut(row[name]) for row in firsts)]
            for name, theirs in trial.columns.items()
        ],
    )
    typer.echo(
        f"{many(trial.rows_landed, 'row')}: {trial.rows_accepted:,} accepted, {trial.rows_quarantined:,} to quarantine"
    )
    if trial.known:
        typer.echo(trial.known)
    if trial.message:
        typer.echo(printable(trial.message))
    for reason, count in trial.reasons.items():
        typer.echo(f"  {count:,} {reason}")
    for row in trial.refused:
        typer.echo(
            printable(
                f"  row {row['row_number']}: {', '.join(row['reasons'])}: {_cut(row['record'], _LONGEST)}"
            )
        )


def _cut(text: str | None, longest: int = 40) -> str:
    if text is None:
        return ""
    return text if len(text) <= longest else f"{text[:longest]}…"
