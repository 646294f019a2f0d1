"""A run that failed is told of, once until it succeeds, with the warehouse and without it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.execution.notebooks import IMPORTS, notebook, pipeline
from tests.governance.alerts.conftest import hook
from tests.governance.alerts.receivers import Webhook, free_port, webhook
from workbench.execution import Run, RunOptions, run_notebook, run_pipeline
from workbench.execution.run.progress import Lines
from workbench.governance.alerts import Alert, put, tell_failure
from workbench.governance.alerts.run_failures import OUTBOX
from workbench.governance.alerts.telling import send_waiting
from workbench.settings import Settings, get_settings
from workbench.warehouse import Warehouse, connect

__all__ = ["hook"]

FAIL = """
import os
from pathlib import Path
if Path(NAME).exists():
    raise ValueError(f"{Path(NAME).read_text()} by {os.getpid()} with open sesame")
"""


@pytest.fixture
def shop(tmp_path: Path, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline of two stages that fails as long as there is a file `wrong`, with its text."""
    monkeypatch.setenv("WORKBENCH_REDSHIFT_PASSWORD", "open sesame")
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", hook.url)
    monkeypatch.setenv("WORKBENCH_REPORTS_URL", "https://reports.example")
    folder = pipeline(
        tmp_path / "shop", {"sell": {"skip": "never"}, "count": {"after": ["sell"]}}, owner="tills"
    )
    notebook(
        folder / "sell.ipynb",
        f"NAME = {str(tmp_path / 'wrong')!r}",
        FAIL,
        imports="from workbench.execution import record",
    )
    notebook(folder / "count.ipynb")
    return folder


def alerts(warehouse: Warehouse) -> list[dict[str, Any]]:
    return warehouse.rows("SELECT * FROM ops.alerts ORDER BY raised_at")


def test_a_failure_is_told_once_until_the_stage_succeeds(
    shop: Path, hook: Webhook, warehouse: Warehouse, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"

    def run(text: str = "") -> Run:
        wrong.write_text(text) if text else wrong.unlink(missing_ok=True)
        return run_pipeline(shop)

    first = run("no tills answer")
    (got,) = hook.got
    assert got["title"] == "[critical] run_failed: shop/sell"
    assert "\nOwner: tills\n" in got["text"] and got["alerts"][0]["owner"] == "tills"
    assert got["report"] == f"https://reports.example/{first.run_id}/index.html"
    said = got["alerts"][0]["message"]
    assert said.startswith("stage sell of shop failed: ") and "no tills answer" in said
    assert "sesame" not in str(got) + str(alerts(warehouse)) and "[redacted]" in said
    # Another process has another number, and who started it has other words; another error is news.
    again = run("no tills answer")
    assert tell_failure(get_settings(), "shop", "sell", "task failed", again.run_id, "https://log") == []
    assert len(hook.got) == 1
    run("out of paper")
    assert [each["is_open"] for each in alerts(warehouse)] == [True, True] and len(hook.got) == 2
    assert run().state == "succeeded"
    assert [each["is_open"] for each in alerts(warehouse)] == [False, False]
    run("no tills answer")
    assert [each["is_open"] for each in alerts(warehouse)] == [False, False, True] and len(hook.got) == 3


def test_what_a_stage_raises_and_its_failure_are_of_its_run_and_its_pipelines_owner(
    shop: Path, hook: Webhook, warehouse: Warehouse
) -> None:
    raising = """
    from workbench.governance.alerts import Alert, put
    noticed = [Alert("low", "warning", "a till", "noticed", ("till",)), Alert("low", "warning", "x", "y", ("x",), owner="x")]
    connect().run(lambda session: put(session, noticed))
    raise ValueError("no tills answer")
    """
    notebook(
        shop / "sell.ipynb",
        textwrap.dedent(raising),
        imports=f"{IMPORTS}\nfrom workbench.warehouse import connect",
    )
    run = run_pipeline(shop)
    assert {each["subject"]: each["owner"] for each in alerts(warehouse)} == {
        "a till": "tills", "x": "x", "shop/sell": "tills",
    }  # fmt: skip
    assert {each["run_id"] for each in alerts(warehouse)} == {run.run_id}
    page = f"https://reports.example/{run.run_id}/index.html"
    assert sorted((len(got["alerts"]), got["report"]) for got in hook.got) == [(1, page), (2, page)]


def test_a_channel_that_is_down_is_a_warning_and_fails_no_run(
    shop: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.run(lambda session: put(session, [Alert("no_rate", "warning", "GBP", "no rate", ("GBP",))]))
    port = free_port()
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", f"http://127.0.0.1:{port}")
    assert run_pipeline(shop, options=RunOptions(progress=Lines())).state == "succeeded"
    assert f"warning: alerts: http://127.0.0.1:{port}: " in capsys.readouterr().err


def test_a_run_that_cannot_begin_is_told_of_without_the_warehouse_and_once(
    shop: Path, hook: Webhook, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    file = home / "warehouse.duckdb"
    file.write_bytes(b"no warehouse" * 1000)
    for _ in range(2):
        with pytest.raises(Exception, match="warehouse"):
            run_pipeline(shop)
    (got,) = hook.got
    assert got["title"] == "[critical] run_failed: shop" and "warehouse" in got["alerts"][0]["message"]
    assert (home / "runs" / OUTBOX).is_file()
    # As soon as the warehouse is there, it knows, and knows what was sent.
    file.unlink()
    Path(home.parent / "wrong").write_text("still wrong")
    assert run_pipeline(shop).state == "failed"
    kept = alerts(connect())
    assert [(each["subject"], each["is_open"]) for each in kept] == [("shop", True), ("shop/sell", True)]
    assert len(hook.got) == 2 and not (home / "runs" / OUTBOX).exists()
    Path(home.parent / "wrong").unlink()
    assert run_pipeline(shop).state == "succeeded"
    assert not any(each["is_open"] for each in alerts(connect()))
    assert len(hook.got) == 2


BREAK = """
from pathlib import Path
from workbench.settings import get_settings
Path(get_settings().warehouse.removeprefix("duckdb:///")).write_bytes(b"gone" * 5000)
"""


def test_a_run_whose_end_the_warehouse_does_not_take_is_told_of(
    shop: Path, hook: Webhook, warehouse: Warehouse, home: Path
) -> None:
    notebook(shop / "count.ipynb", BREAK)
    run = run_pipeline(shop)
    assert run.state == "failed"
    (got,) = hook.got
    (told,) = got["alerts"]
    assert (told["run_id"], told["subject"]) == (run.run_id, "shop") and "warehouse.duckdb" in told["message"]
    # Recovered by the next run, it is known twice, and told once.
    (home / "warehouse.duckdb").unlink()
    notebook(shop / "count.ipynb")
    (warning,) = tell_failure(get_settings(), "shop", "", "what its scheduler says of it", run.run_id)
    assert "past the warehouse" in warning
    assert len(hook.got) == 1
    assert run_pipeline(shop).state == "succeeded"
    assert len(hook.got) == 1 and [each["is_open"] for each in alerts(connect())] == [False]


def test_a_notebook_by_itself_raises_nothing(
    shop: Path, hook: Webhook, warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    assert run_notebook(shop / "sell.ipynb").state == "failed"
    assert alerts(warehouse) == [] and hook.got == []


KILL = """
import json, os, signal
from pathlib import Path
from workbench.settings import get_settings
record_of = get_settings().runs / os.environ["WORKBENCH_RUN_ID"] / "run.json"
if Path(NAME).exists():
    os.kill(json.loads(record_of.read_text())["pid"], signal.SIGKILL)
"""
RUN = "import sys; from workbench.execution import run_pipeline; run_pipeline(sys.argv[1])"


def test_a_run_whose_process_was_killed_is_told_of_by_the_next(
    shop: Path, hook: Webhook, warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "wrong").touch()
    notebook(shop / "sell.ipynb", f"NAME = {str(tmp_path / 'wrong')!r}", KILL)
    assert subprocess.run([sys.executable, "-c", RUN, str(shop)], check=False).returncode == -signal.SIGKILL
    assert hook.got == []
    (tmp_path / "wrong").unlink()
    notebook(tmp_path / "other" / "only.ipynb")
    other = pipeline(tmp_path / "other", {"only": {}})
    assert run_pipeline(other).state == "succeeded"
    (got,) = hook.got
    assert got["title"] == "[critical] run_failed: shop/sell" and "without a word" in got["text"]
    assert run_pipeline(shop).state == "succeeded"
    assert [each["is_open"] for each in alerts(warehouse)] == [False]


def test_others_tell_of_a_failure_once_and_never_fail_themselves(
    hook: Webhook, warehouse: Warehouse, settings: Settings, home: Path
) -> None:
    at = settings.model_copy(update={"alert_channels": hook.url})
    for error in ("task 17 died\nat night", "task 18 died at night"):
        assert tell_failure(at, "shop", "sell", error, link="https://airflow.example/log") == []
    (got,) = hook.got
    assert got["report"] == "https://airflow.example/log"
    assert got["alerts"][0]["message"] == "stage sell of shop failed: task 17 died at night"
    # A run that has told of its failure isn't told of in other words.
    tell_failure(at, "shop", "count", "its own words", run_id="r1")
    tell_failure(at, "shop", "count", "the words of who started it", run_id="r1")
    tell_failure(at, "shop", "", "the words of who started it", run_id="r1")
    assert len(hook.got) == 2
    # With no warehouse, and nowhere to keep what was sent, it is sent all the same; its id tells that it is the same.
    at = at.model_copy(update={"warehouse_url": "duckdb:////nowhere/at.duckdb", "home": Path("/proc/none")})
    for _ in range(2):
        first, second = tell_failure(at, "shop", "sell", "worse")
        assert "past the warehouse" in first and "can't be kept" in second
    assert len(hook.got) == 4 and hook.got[2]["id"] == hook.got[3]["id"]
    at = at.model_copy(update={"alert_channels": f"http://127.0.0.1:{free_port()}"})
    assert "refused" in tell_failure(at, "shop", "sell", "worse")[-1]


def test_a_failure_kept_beside_the_warehouse_is_tried_again(
    settings: Settings, warehouse: Warehouse, home: Path
) -> None:
    port = free_port()
    at = settings.model_copy(update={"alert_channels": f"http://127.0.0.1:{port}"})
    away = at.model_copy(update={"warehouse_url": "duckdb:////nowhere/warehouse.duckdb"})
    assert any("refused" in each for each in tell_failure(away, "shop", "sell", "broken"))
    # Whether or not it's time to try again, nothing is lost while the warehouse is away.
    assert "they wait to be sent" in send_waiting(away).warnings[0] and (home / "runs" / OUTBOX).is_file()
    with webhook(port) as back:
        # Known to the warehouse from here on, where its pause goes on.
        tell_failure(at, "other", "", "broken too")
        assert [each["alerts"][0]["subject"] for each in back.got] == ["other"]
        rows = warehouse.rows("SELECT state, attempts FROM ops.alert_deliveries ORDER BY state")
        assert [(row["state"], row["attempts"]) for row in rows] == [("failed", 1), ("sent", 1)]
