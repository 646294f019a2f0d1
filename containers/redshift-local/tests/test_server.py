"""How the server starts, stops, and comes back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redshift_connector

from redshift_local import LocalError, RedshiftLocal
from redshift_local.__main__ import main

from .conftest import connect_to

_ROOT = Path(__file__).parent.parent


def _start(data: Path, *options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "redshift_local", "start", "--data", data, "--port", "0", *options],
        cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready: redshift://awsuser@127.0.0.1:")
    return process


def _servers(data: Path) -> list[psutil.Process]:
    """PostgreSQL's processes over a data directory."""
    wanted = str(data / "postgres")
    return [process for process in psutil.process_iter() if wanted in _arguments(process)]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _gone(data: Path) -> bool:
    deadline = time.monotonic() + 120
    while _servers(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _servers(data)


def test_what_was_committed_is_there_after_a_restart_with_the_same_password(folder: Path) -> None:
    server = RedshiftLocal(folder / "again")
    with server as address, connect_to(address) as connection:
        connection.cursor().execute("create table kept (n int) diststyle all")
        connection.commit()
    assert not _servers(folder / "again")
    with server as again, connect_to(again) as connection:
        cursor = connection.cursor()
        cursor.execute("select diststyle from svv_table_info where \"table\" = 'kept'")
        assert cursor.fetchall() == (["ALL"],)
    assert again.password == address.password


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_postgresql_too(folder: Path, how: signal.Signals) -> None:
    data = folder / f"signal-{how.name}"
    process = _start(data)
    assert _servers(data)
    process.send_signal(how)
    assert process.wait(120) == 0
    assert not _servers(data)
    assert not (data / "state.json").exists()


def test_a_server_that_was_killed_takes_postgresql_along_and_comes_back(folder: Path) -> None:
    data = folder / "killed"
    process = _start(data)
    process.kill()
    process.wait()
    assert _gone(data)
    with RedshiftLocal(data) as address, connect_to(address) as connection:
        cursor = connection.cursor()
        cursor.execute("select 1")
        assert cursor.fetchone() == [1]


def test_all_killed_at_once_comes_back(folder: Path) -> None:
    data = folder / "all-killed"
    process = _start(data)
    for one in _servers(data):
        # Without the first of them the others end by themselves.
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.kill()
    process.wait()
    with RedshiftLocal(data) as address, connect_to(address) as connection:
        cursor = connection.cursor()
        cursor.execute("select 1")
        assert cursor.fetchone() == [1]


def test_when_postgresql_ends_by_itself_the_command_ends_and_says_so(folder: Path) -> None:
    data = folder / "ended"
    process = _start(data)
    for one in _servers(data):
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGQUIT)
    assert process.wait(120) == 2
    assert process.stderr is not None
    assert "PostgreSQL has ended" in process.stderr.read()


def test_where_tls_is_required_a_client_without_it_is_turned_away(folder: Path) -> None:
    with RedshiftLocal(folder / "tls-only", require_tls=True) as address:
        connect_to(address).close()
        with pytest.raises(redshift_connector.InterfaceError, match="TLS connections only"):
            connect_to(address, ssl=False)


def test_a_second_server_over_the_same_folder_is_refused(folder: Path) -> None:
    with RedshiftLocal(folder / "twice"), pytest.raises(LocalError, match=r"runs over .* already"):
        RedshiftLocal(folder / "twice").start()


def test_a_port_that_is_taken_is_refused_and_nothing_is_left_running(folder: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(LocalError, match="choose another with --port"),
    ):
        RedshiftLocal(folder / "port", port=taken.getsockname()[1]).start()
    assert not _servers(folder / "port")


def test_a_folder_of_other_things_is_not_touched(folder: Path) -> None:
    other = folder / "other" / "postgres"
    other.mkdir(parents=True)
    (other / "notes.txt").write_text("mine")
    with pytest.raises(LocalError, match="isn't empty"):
        RedshiftLocal(folder / "other").start()
    assert (other / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes the user")
def test_a_folder_that_the_unprivileged_user_cannot_reach_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(LocalError, match=r"chmod o\+x"):
        RedshiftLocal(tmp_path / "data").start()
    assert not (tmp_path / "data" / "postgres").exists()


def test_status_and_stop_speak_of_the_running_server(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(folder / "commands")]
    assert main(["status", *data]) == 1
    assert main(["stop", *data]) == 0
    process = _start(folder / "commands")
    assert main(["status", *data]) == 0
    assert main(["stop", *data]) == 0
    assert process.wait(120) == 0
    out = capsys.readouterr().out
    assert "running: redshift://awsuser@127.0.0.1:" in out
    assert out.endswith("stopped\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start"], "--data"),
        (["start", "--data", "d", "--port", "x"], "is no port"),
        (["go"], "invalid choice"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_password_is_in_no_process_list_and_readable_to_its_owner_alone(folder: Path) -> None:
    data = folder / "secret"
    with RedshiftLocal(data) as address:
        assert all(address.password not in " ".join(_arguments(one)) for one in psutil.process_iter())
        assert address.password not in repr(address)
        assert (data / "password").stat().st_mode & 0o077 == 0
        assert (data / "tls" / "server.key").stat().st_mode & 0o077 == 0
        assert address.password not in (data / "postgres.log").read_text()
