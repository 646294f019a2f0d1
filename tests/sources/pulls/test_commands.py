"""The program and the stage: what is declared is checked with its place, pulled when due, and each source is an island."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sources.pulls.api import Api
from tests.sources.pulls.conftest import Project, rest, stores
from tests.sources.pulls.test_rest import CURSOR, PAGES
from workbench.cli import main
from workbench.etl.pull import pull
from workbench.execution import RunOptions, load_pipeline, run_pipeline
from workbench.settings import get_settings
from workbench.sources.pulls.due import Last, next_pull
from workbench.sources.pulls.reading import read_sources

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs/user-guides/pull-from-apis-and-databases.md"


@pytest.fixture
def workbench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the program in this process; return its exit status and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["workbench", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out + told.err

    return run


def with_pipelines(project: Project) -> None:
    """Give a project the pipelines of this one."""
    (project.folder / "dbt").symlink_to(ROOT / "dbt")
    shutil.copytree(ROOT / "pipeline_notebooks", project.folder / "pipeline_notebooks")


def test_the_guide_does_what_it_says(
    project: Project, workbench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    with_pipelines(project)
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    scope: dict[str, Any] = {}
    done = []
    for kind, text in blocks:
        if kind == "python":
            exec(text, scope)  # noqa: S102  it is our own page
        elif kind == "yaml":
            document = yaml.safe_load(text)
            name = "sources.yaml" if "sources" in document else "maps/stores.map.yaml"
            (project.folder / name).parent.mkdir(exist_ok=True)
            (project.folder / name).write_text(text)
            found = read_sources(get_settings())
            assert not found.problems or name != "sources.yaml"
        else:
            for line in text.splitlines():
                arguments = re.findall(r'"[^"]*"|\S+', line)
                status, told = workbench(*(each.strip('"') for each in arguments[1:]))
                assert status == 0, told
                done.append(told)
    assert "ok: till_stores: 2 rows there; looked at 2" in done[0]
    assert "till_stores: source said 2, read 2, landed 2" in done[1]
    assert re.search(r"till_stores +database +stores +2026-01-02 10:05:00 .* landed ", done[2])
    assert "till_stores: source said 2, read 2, landed 1, 1 had landed before" in done[3]
    assert re.findall(r"S1 +(\S+ Street)", done[5]) == ["Main Street", "High Street"]
    scope["till"].close()


def test_a_wrong_declaration_is_told_with_its_place(project: Project, workbench: Any) -> None:
    file = project.folder / "sources.yaml"
    good = "  good:\n    files: '*.csv'\n    dataset: stores\n"
    for body, place, words in (
        ("  a:\n    rest:\n      url: https://x\n      paging: {kind: pages}\n    dataset: stores", 5, "a.rest.paging.kind: it must be 'page'"),
        ("  a:\n    database: {url: 'env:X', table: t, quer: x}\n    dataset: stores", 3, "a.database.quer: there is no such key"),
        ("  a:\n    rest: {url: 'https://u:hunter2@x/'}\n    dataset: stores", 3, "a.rest.url: a password stands in it"),
        ("  a:\n    rest: {url: 'https://x', auth: {bearer: hunter2}}\n    dataset: stores", 3, "a secret is given by reference"),
        ("  a:\n    files: x\n    dataset: stores\n    schedule: {cron: '0 25 * * *'}", 5, "a.schedule: schedule.cron: '25' is no hour"),
        ("  a:\n    files: x\n    dataset: store", 4, "a.dataset: unknown dataset 'store'; did you mean 'stores'?"),
        ("  a:\n    files: x\n    map: none.yaml", 4, "a.map: no such map"),
        ("  a:\n    database: {url: 'env:X'}\n    dataset: stores", 3, "it reads a table or a query"),
        ("  a:\n    files: x\n    dataset: stores\n    rows_a_file: true", 5, "a.rows_a_file: it must be a number, not true"),
        ("  A b:\n    files: x", 2, "a name is made of small letters"),
        ("  käse:\n    files: x", 2, "käse: a name is made of small letters from a to z"),
    ):  # fmt: skip
        file.write_text(f"sources:\n{body}\n{good}")
        status, told = workbench("sources", "check")
        assert status == 1 and f"sources.yaml, line {place}: " in told and words in told, told
        assert "wrong: good: nothing to load: no file, folder or match at" in told and "hunter2" not in told
    file.write_text("sources:\n  a: [")
    assert workbench("sources") == (
        2,
        "workbench: sources.yaml, line 2: no YAML: expected the node content, but found '<stream end>'\n",
    )
    file.write_text("sources:\n  a: {files: x, dataset: stores}\n  a: {files: y, dataset: stores}")
    assert workbench("sources") == (
        2,
        "workbench: sources.yaml, line 3: sources.a is there twice; leave one\n",
    )
    file.write_text("a: 1")
    assert "it begins with `sources:`" in workbench("sources")[1]
    file.unlink()
    assert "No source is declared" in workbench("sources")[1]
    assert workbench("load", "shop")[0] == 2
    assert workbench("load", "x.csv", "--full") == (
        2, "workbench: --full and --since are for declared sources, and x.csv is none; see: workbench sources\n",
    )  # fmt: skip


def test_each_source_is_an_island_of_the_stage(api: Api, project: Project, workbench: Any) -> None:
    api.records = stores(1, 12)
    (project.folder / "sales.csv").write_text("store_id,updated_at\nS99,2026-01-01\n")
    with_pipelines(project)
    hourly = {"cron": "0 * * * *"}
    sources = {
        "broken": rest(api, "/pages", **PAGES, url="http://127.0.0.1:9/", retry={"tries": 1}),
        "shop": rest(api, "/pages", **PAGES, cursor=CURSOR, schedule=hourly),
        "wrong": {"dataset": "stores"},
        "partner": {"files": "*.csv", "dataset": "stores"},
    }
    project.declare(**sources)
    run = run_pipeline(load_pipeline("retail_etl"), options=RunOptions(only="pull", strict=True))
    (stage,) = [stage for stage in run.stages if stage.name == "pull"]
    assert run.state == "succeeded", run.error
    assert stage.counts == {
        "sources_pulled": 2, "sources_failed": 2, "sources_not_due": 0, "files_landed": 2, "rows_landed": 12,
    }  # fmt: skip
    broken, wrong = stage.results["warnings"]
    assert broken == "source broken: 127.0.0.1:9: connection refused (1 try)"
    assert wrong.startswith("sources.yaml, line ") and "it is one of rest, database and files" in wrong
    alerts = project.warehouse.rows(
        "SELECT kind, subject, severity, run_id, is_open FROM ops.alerts ORDER BY subject"
    )
    assert [(row["kind"], row["subject"], row["severity"]) for row in alerts] == [
        ("pull_failed", "broken", "warning"), ("pull_failed", "wrong", "warning"),
    ]  # fmt: skip
    assert {row["run_id"] for row in alerts} <= {run.run_id, f"{run.run_id}.pull"}
    # Nothing is due but what has no schedule or failed, and what works again closes its alert.
    sources["broken"]["rest"]["url"] = f"{api.url}/pages"
    sources["wrong"] = sources["partner"]
    project.declare(**sources)
    api.total = 20
    pulled = pull(project.warehouse)
    assert pulled.counts["sources_not_due"] == 1 and pulled.counts["sources_failed"] == 0
    assert pulled.warnings == ("source broken: the source has 8 rows that weren't in its answer",)
    alerts = project.warehouse.rows("SELECT kind, subject FROM ops.alerts WHERE is_open")
    assert alerts == [{"kind": "pull_incomplete", "subject": "broken"}]
    _, told = workbench("sources", "--json")
    listed = {row["source"]: row for row in json.loads(told)}
    assert (listed["broken"]["next"], listed["shop"]["status"]) == ("with each run", "landed")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:00", listed["shop"]["next"])
    assert project.ingest()["rows_accepted"] == 12 + 1 + 12


def test_when_a_source_is_due(project: Project) -> None:
    project.declare(
        a={"files": "x", "dataset": "stores", "schedule": {"cron": "30 6 * * *", "timezone": "Asia/Tokyo"}},
        b={"rest": {"url": "http://localhost"}, "dataset": "stores", "key": "store_id"},
    )
    assert read_sources(get_settings())["b"].source.key == ("store_id",), "of one, no list is wanted"
    declared = read_sources(get_settings())["a"]
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    today = datetime(2026, 2, 28, 21, 30)
    for last, due in (
        (Last(), now),
        (Last(pulled_at=today - timedelta(seconds=1)), today.replace(tzinfo=UTC)),
        (Last(pulled_at=today), today.replace(tzinfo=UTC) + timedelta(days=1)),
        (Last(pulled_at=today, unfinished=True), now),
        (Last(pulled_at=today - timedelta(days=5000)), today.replace(tzinfo=UTC)),
    ):
        assert next_pull(declared, last, now) == due


def test_days_and_times_need_no_quotes(api: Api, project: Project) -> None:
    (project.folder / "sources.yaml").write_text(
        f"""
sources:
  shop:
    rest:
      url: {api.url}/link
      paging: {{kind: link}}
      parameters: {{until: 2026-02-01, seen: 2026-1-2 3:04:05}}
    dataset: stores
    description: 2026-01-01
    cursor: {{column: updated_at, parameter: since, start: 2026-01-02T10:00:00Z}}
"""
    )
    assert project.pull("shop").read == 0
    (asked,) = api.asked
    assert asked["since"] == "2026-01-02T10:00:00Z"
    assert (asked["until"], asked["seen"]) == ("2026-02-01", "2026-01-02T03:04:05")
