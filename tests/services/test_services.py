"""Services in the background: each is started, used over the wire, and stopped, for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.slow


@contextmanager
def a_place(patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that PostgreSQL's user can get into; whatever runs there is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-services-"))
    folder.chmod(0o711)
    patch.setenv("WORKBENCH_HOME", str(folder))
    yield folder
    patch.setenv("WORKBENCH_HOME", str(folder))
    workbench("down")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of a test's own."""
    with a_place(monkeypatch) as folder:
        yield folder


def workbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def started(*arguments: str) -> list[dict[str, Any]]:
    done = workbench("up", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def shell(place: Path, command: str) -> str:
    """Run a command in a shell that has read the services' variables."""
    done = subprocess.run(
        ["bash", "-c", f". {place}/services.env && {command}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fetch(url: str, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120) as answer:
        return answer.read()


def runs(process: psutil.Process) -> bool:
    """Whether it hasn't ended; it may end meanwhile, and whoever inherits it ask for its exit status later."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def listens_on(leader: int) -> set[str]:
    """The addresses on which a service and all it started take connections."""
    leading = psutil.Process(leader)
    return {
        connection.laddr.ip
        for process in (leading, *leading.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_the_local_aws_is_up_once_however_often_it_is_asked_for(place: Path) -> None:
    done = workbench("up", "aws")
    assert done.returncode == 0, done.stderr
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in done.stdout
    assert "AWS_SECRET_ACCESS_KEY" not in done.stdout
    assert (place / "services.env").stat().st_mode & 0o077 == 0
    (first,), (again,) = started("aws"), started("aws")
    assert first["pid"] == again["pid"]
    program = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    assert shell(place, f'{sys.executable} -c "{program}"') == "['workbench']\n"
    assert workbench("status").stdout.startswith("aws ")
    assert workbench("down").stdout == "stopped: aws\n"
    assert not psutil.pid_exists(first["pid"])
    assert not (place / "services.env").exists()
    assert workbench("down").stdout == "nothing ran\n"


def test_a_dead_one_is_told_and_comes_back_on_its_port(place: Path) -> None:
    (first,) = started("aws")
    os.kill(first["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 120
    while (told := workbench("status")).returncode == 0:
        assert time.monotonic() < deadline
    assert told.returncode == 1 and "died; its log is" in told.stdout
    (again,) = started("aws")
    assert again["port"] == first["port"] and again["pid"] != first["pid"]
    assert workbench("status").returncode == 0


def test_redshift_is_a_warehouse_for_init_and_query(place: Path) -> None:
    from redshift_local import LocalError
    from redshift_local.postgres import find_programs

    try:
        find_programs()
    except LocalError as problem:
        pytest.skip(str(problem))
    _, redshift = started("aws", "redshift")
    program = f"{sys.executable} -m workbench.cli"
    answer = shell(place, f"{program} init && {program} query 'SELECT count(*) AS n FROM raw.stores'")
    assert "0" in answer
    assert redshift["url"].startswith("redshift://")
    assert listens_on(redshift["pid"]) == {"127.0.0.1"}
    assert place.stat().st_mode & 0o066 == 0
    processes = psutil.Process(redshift["pid"]).children(recursive=True)
    assert workbench("down").stdout == "stopped: redshift, aws\n"
    assert not [one for one in processes if runs(one)]


PROGRAM = "import pty, sys; sys.exit(pty.spawn([sys.executable, '-m', 'workbench.cli', *sys.argv[1:]]) >> 8)"


def at_a_terminal(*arguments: str) -> str:
    """Return what a person at a terminal reads, which is gone afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def desk() -> Iterator[tuple[Path, str]]:
    """A home in which MLflow and JupyterLab were started at a terminal, and what was read there."""
    with pytest.MonkeyPatch.context() as patch, a_place(patch) as folder:
        # As one who has never opened JupyterLab, and settled nothing in it.
        patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "jupyter"))
        yield folder, at_a_terminal("up")


@pytest.fixture
def services(
    desk: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], dict[str, Any]]:
    """MLflow and JupyterLab, as they run there."""
    monkeypatch.setenv("WORKBENCH_HOME", str(desk[0]))
    mlflow, lab = started()
    assert (mlflow["name"], lab["name"]) == ("mlflow", "lab")
    return mlflow, lab


Services = tuple[dict[str, Any], dict[str, Any]]


def test_a_person_at_a_terminal_gets_a_link_that_opens(desk: tuple[Path, str], services: Services) -> None:
    for read in (desk[1], at_a_terminal("status")):
        (link,) = (word for word in read.split() if "?token=" in word)
        assert b"JupyterLab" in fetch(link)


def test_a_new_jupyterlab_has_no_question_to_ask(desk: tuple[Path, str], services: Services) -> None:
    pytest.importorskip("playwright")
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    (link,) = (word for word in desk[1].split() if "?token=" in word)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=180_000)
        page = browser.new_page()
        page.set_default_timeout(180_000)
        page.goto(link)
        page.wait_for_selector("#jp-main-dock-panel")
        # What asks does so once settings and notebook have been read.
        page.wait_for_load_state("networkidle")
        assert page.locator(".Toastify__toast").count() == 0
        browser.close()


def test_jupyterlab_opens_with_its_token_and_not_without(desk: tuple[Path, str], services: Services) -> None:
    place, server = desk[0], services[1]
    told = workbench("up", "lab").stdout
    assert f"it works on duckdb:///{place / 'warehouse.duckdb'}" in told and "?token=" not in told
    base = server["url"].removesuffix("/lab")
    with pytest.raises(urllib.error.HTTPError):
        fetch(f"{base}/api/contents")
    token = shell(place, "printf %s $JUPYTER_TOKEN")
    assert json.loads(fetch(f"{base}/api/contents", Authorization=f"token {token}"))["type"] == "directory"
    assert token not in " ".join(psutil.Process(server["pid"]).cmdline())
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(f"{base}/api/contents", Authorization=f"token {token}", Host="rebound.example")
    assert listens_on(server["pid"]) == {"127.0.0.1"}


def test_mlflow_takes_runs(desk: tuple[Path, str], services: Services) -> None:
    place, server = desk[0], services[0]
    assert fetch(f"{server['url']}/health") == b"OK"
    body = json.dumps({"name": "sales"}).encode()
    request = urllib.request.Request(
        f"{server['url']}/api/2.0/mlflow/experiments/create",
        body,
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert json.load(answer)["experiment_id"]
    for header in ({"Host": "rebound.example"}, {"Origin": "https://evil.example"}):
        request = urllib.request.Request(
            request.full_url, body, {"Content-Type": "application/json", **header}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=120)
    assert listens_on(server["pid"]) == {"127.0.0.1"}
    assert (place / "mlflow.db").stat().st_mode & 0o077 == 0


def test_a_service_that_is_named_is_stopped_alone_and_with_all_that_it_started(services: Services) -> None:
    mlflow, lab = services
    processes = psutil.Process(mlflow["pid"]).children(recursive=True)
    assert workbench("down", "mlflow").stdout == "stopped: mlflow\n"
    assert not [one for one in processes if runs(one)]
    assert psutil.pid_exists(lab["pid"])
    assert workbench("down").stdout == "stopped: lab\n"


def test_a_service_that_nobody_knows_is_one_line(place: Path) -> None:
    done = workbench("up", "awz")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "unknown service 'awz'; did you mean" in done.stderr
