"""Runs in S3: records, notebooks and pages, laid out as at home, for runs whose machine is gone afterwards."""

from __future__ import annotations

import mimetypes
from datetime import timedelta
from pathlib import Path
from typing import Any

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.execution import Run, StageRun
from workbench.execution.records.model import now
from workbench.execution.records.store import RECORD, save
from workbench.execution.reports.pages import write_index
from workbench.execution.run.progress import Progress
from workbench.private import private_folder
from workbench.settings import Settings

# Below it lie the stages that tasks hand over, until they are taken.
PARTS = "parts"
_LISTED = 200
_KEPT = (".ipynb", ".log", ".html")


class SharedRuns:
    """The place of runs in S3, ``s3://BUCKET/PREFIX``.

    Each object is written whole or not at all, and a run's record last, so whoever finds it finds all of it.

    Raises:
        UsageError: the URI isn't of S3.
    """

    def __init__(self, uri: str) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise UsageError(f"WORKBENCH_RUNS_URI is s3://BUCKET/PREFIX, not {uri!r}")
        self.uri, self._bucket, self._prefix = uri.rstrip("/"), bucket, prefix.strip("/")
        self._s3 = client("s3")

    def write(self, run: Run, settings: Settings) -> None:
        """Write a run, with its notebooks and pages if it has ended.

        Raises:
            WorkFailed: S3 refuses, or can't be reached.
        """
        if run.state != "running":
            kinds = [("runs", settings.runs)]
            # The run that a stage is a part of makes the page.
            kinds += [] if run.is_part else [("site", settings.site)]
            for kind, folder in kinds:
                for path in sorted((folder / run.run_id).glob("*")):
                    if path.suffix in _KEPT:
                        self._put(f"{kind}/{run.run_id}/{path.name}", path.read_bytes())
        self._put(f"runs/{run.run_id}/{RECORD}", (run.model_dump_json(indent=2) + "\n").encode())

    def write_index(self, settings: Settings) -> None:
        """Write the index of all runs, those of other machines among them."""
        self.bring_records(settings)
        write_index(settings)
        self._put("site/index.html", (settings.site / "index.html").read_bytes())

    def bring_records(self, settings: Settings) -> list[str]:
        """Bring home the records of finished runs that aren't there yet, the newest 200; return their ids.

        Those that wouldn't be kept for long stay away.
        """
        found = []
        since = f"{now() - timedelta(days=settings.keep_days):%Y%m%dT%H%M%SZ}" if settings.keep_days else ""
        for run_id in self._runs()[: min(_LISTED, settings.keep_runs or _LISTED)]:
            if run_id < since or (settings.runs / run_id / RECORD).is_file():
                continue
            content = self.read(f"runs/{run_id}/{RECORD}")
            if content is None:
                continue
            run = Run.model_validate_json(content)
            if run.state == "running":
                continue
            save(_at_home(run, settings), settings)
            found.append(run_id)
        return found

    def bring_files(self, run: Run, settings: Settings) -> None:
        """Bring home the notebooks and pages of a run, those that aren't there."""
        for kind, folder in (("runs", settings.runs), ("site", settings.site)):
            for name in self._names(f"{kind}/{run.run_id}/"):
                path = folder / run.run_id / Path(name).name
                if not path.exists() and path.suffix in _KEPT:
                    content = self.read(f"{kind}/{run.run_id}/{path.name}")
                    private_folder(path.parent)
                    path.write_bytes(content or b"")

    def read(self, name: str) -> bytes | None:
        """Return an object, or None if there is none of that name."""
        try:
            with aws_errors(f"{self.uri}/{name}"):
                content: bytes = self._s3.get_object(Bucket=self._bucket, Key=self._key(name))["Body"].read()
        except WorkFailed as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise
        return content

    def remove(self) -> None:
        """Delete everything below this place."""
        for name in list(self._names("")):
            with aws_errors(f"deleting below {self.uri}"):
                self._s3.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _runs(self) -> list[str]:
        """Return the ids of runs, newest first."""
        prefix, found = self._key("runs/"), []
        with aws_errors(f"the runs at {self.uri}"):
            for page in self._pages(Prefix=prefix, Delimiter="/"):
                found += [
                    each["Prefix"].removeprefix(prefix).rstrip("/") for each in page.get("CommonPrefixes", [])
                ]
        return sorted(found, reverse=True)

    def _names(self, below: str) -> list[str]:
        start = self._key("")
        with aws_errors(f"the files at {self.uri}"):
            return [
                each["Key"].removeprefix(start)
                for page in self._pages(Prefix=self._key(below))
                for each in page.get("Contents", [])
            ]

    def _pages(self, **options: Any) -> Any:
        return self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **options)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _put(self, name: str, content: bytes) -> None:
        kind = mimetypes.guess_type(name)[0] or "application/json"
        with aws_errors(f"{self.uri}/{name}"):
            self._s3.put_object(Bucket=self._bucket, Key=self._key(name), Body=content, ContentType=kind)


def _at_home(run: Run, settings: Settings) -> Run:
    """Return a record with its paths as they are here."""
    home = settings.site / run.run_id
    run.report = home / run.report.name if run.report else None
    for stage in run.stages:
        if stage.state == "skipped":
            continue
        stage.report = home / stage.report.name if stage.report else None
        stage.notebook = settings.runs / run.run_id / stage.notebook.name if stage.notebook else None
    return run


class Shared:
    """Passes every step of a run on, and writes the run to S3 as it begins and when it has ended."""

    def __init__(self, delegate: Progress, settings: Settings) -> None:
        self._delegate, self._settings = delegate, settings
        self._shared = SharedRuns(settings.runs_uri)

    def begin(self, run: Run) -> None:
        """A run starts."""
        self._shared.write(run, self._settings)
        self._delegate.begin(run)

    def update(self, run: Run, stage: StageRun) -> None:
        """A stage has another state."""
        self._delegate.update(run, stage)

    def cell(self, stage: StageRun, done: int, total: int) -> None:
        """A stage has finished ``done`` of its cells."""
        self._delegate.cell(stage, done, total)

    def stopping(self, run: Run) -> None:
        """A signal ends the run."""
        self._delegate.stopping(run)

    def warn(self, run: Run, text: str) -> None:
        """Something beside the work went wrong."""
        self._delegate.warn(run, text)

    def end(self, run: Run) -> None:
        """The run has ended.

        Raises:
            WorkFailed: it is recorded here, but S3 refuses or can't be reached.
        """
        self._delegate.end(run)
        self._shared.write(run, self._settings)
        if not run.is_part:
            self._shared.write_index(self._settings)


def shared(delegate: Progress, settings: Settings) -> Progress:
    """Return who is told of a run: S3 too, if the settings name a place there."""
    return Shared(delegate, settings) if settings.runs_uri else delegate
