"""``workbench load``: put what a source has into landing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.sources.maps import Map

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("load")(load)


def load(
    source: Annotated[
        str,
        typer.Argument(
            help="A file, a folder, or a glob in quotes; also https://, sftp:// and s3://. Or the name of a declared source."
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
    as_json: Json = False,
) -> None:
    """Put files into landing, or what is new in a declared source; `workbench run retail_etl` takes it in from there."""
    from workbench.commands.data.sources import is_declared, load_declared
    from workbench.errors import UsageError
    from workbench.secrets.secret import Secret

    if is_declared(source):
        if dataset or map_file or secret:
            raise UsageError(f"dataset, map and secret of the source {source} are declared in sources.yaml")
        load_declared(source, full=full, since=since, as_json=as_json)
        return
    if full or since is not None:
        raise UsageError(
            f"--full and --since are for declared sources, and {source} is none; see: workbench sources"
        )
    from workbench.sources.files import NotLanded, land

    problem = None
    try:
        landed = land(source, dataset, map_file, secret=Secret(secret) if secret else None, check=_fits)
    except NotLanded as error:
        landed, problem = error.landed, error
    if as_json:
        rows = [
            {"dataset": f.dataset, "path": f.uri, "batch_id": f.batch_id, "is_new": f.is_new} for f in landed
        ]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for file in landed:
            typer.echo(f"{'landed' if file.is_new else 'already landed'}: {file.dataset}  {file.uri}")
    if problem:
        raise problem
    if not as_json:
        typer.echo("next: workbench run retail_etl", err=True)


def _fits(path: Path, dataset: str, mapping: Map | None) -> None:
    from workbench.etl.ingestion.fitting import check_file

    check_file(path, mapping)
