"""Services started, looked at and stopped; what is known of each lies in ``home/services/NAME/state.json``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from workbench.errors import WorkFailed, unknown
from workbench.files import write_text
from workbench.libraries.extras import Ask
from workbench.private import private_folder
from workbench.services.known import SERVICES
from workbench.services.service import Start
from workbench.settings import Settings

# What leaves clients where their data is; a local Redshift is another warehouse, an empty one.
DEFAULT = ("mlflow", "lab")
_PATIENCE = 20
_LINES = 5
# What leads to another service; a background process must not take it from whoever starts it.
_NOT_INHERITED = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN")


class State(BaseModel):
    """A service that was started: its process, where it is, and what to export so that clients find it.

    ``warehouse`` is the URL of the one it was started with.
    """

    name: str
    pid: int
    created: float
    port: int
    url: str
    log: Path
    variables: dict[str, str]
    warehouse: str = ""

    @property
    def link(self) -> str:
        """Its URL, with the token that opens it if it has one."""
        token = self.variables.get("JUPYTER_TOKEN")
        return f"{self.url}?token={token}" if token else self.url

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - self.created) < 2
        except psutil.Error:
            return False


def up(settings: Settings, names: Sequence[str] = (), ask: Ask | None = None) -> list[State]:
    """Start services, those of ``DEFAULT`` if none is named; return them once they answer. One that runs is left alone.

    What is missing is installed if ``ask`` agrees.

    Raises:
        UsageError: there is no such service, or it isn't installed.
        WorkFailed: one ended or didn't answer; those before it run on.
    """
    chosen = _chosen(names or DEFAULT)
    for name in chosen:
        SERVICES[name].check(settings, ask)
    found = []
    with _alone(settings):
        for name in chosen:
            before = _read(settings, name)
            if before is None or not before.alive:
                before = _start(settings, name, before.port if before else 0)
            found.append(before)
            _write_environment(settings)
    return found


def down(settings: Settings, names: Sequence[str] = ()) -> list[str]:
    """Stop services, all that run if none is named; return the names of those that ran."""
    stopped = []
    with _alone(settings):
        for name in reversed(_chosen(names)):
            state = _read(settings, name)
            if state is None:
                continue
            if state.alive:
                _stop(state)
                stopped.append(name)
            _file(settings, name).unlink(missing_ok=True)
        _write_environment(settings)
    return stopped


def status(settings: Settings) -> list[State]:
    """Return the services that were started and not stopped; one that isn't alive died."""
    return [state for name in SERVICES if (state := _read(settings, name))]


def environment(settings: Settings) -> dict[str, str]:
    """Return what to export so that clients find the services that run."""
    return {
        name: value for state in status(settings) if state.alive for name, value in state.variables.items()
    }


def _chosen(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in SERVICES:
            raise unknown("service", name, SERVICES)
    return [name for name in SERVICES if name in names or not names]


def _folder(settings: Settings, name: str) -> Path:
    return settings.home / "services" / name


def _file(settings: Settings, name: str) -> Path:
    return _folder(settings, name) / "state.json"


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep a second call out meanwhile."""
    folder = settings.home / "services"
    private_folder(folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(settings: Settings, name: str) -> State | None:
    try:
        return State.model_validate_json(_file(settings, name).read_text())
    except (OSError, ValidationError):
        return None


def _start(settings: Settings, name: str, port: int) -> State:
    folder, service = _folder(settings, name), SERVICES[name]
    private_folder(folder)
    start = Start(settings, folder, _free_port(port), environment(settings))
    command, variables = service.command(start)
    inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    if "PYTHONPATH" in variables:
        paths = (variables["PYTHONPATH"], inherited.get("PYTHONPATH", ""))
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=folder,
            env={**inherited, **variables, "PYTHONUNBUFFERED": "1"},
        )
    try:
        state = State(
            name=name,
            pid=process.pid,
            created=psutil.Process(process.pid).create_time(),
            port=start.port,
            url=_wait(name, start, process, log),
            log=log,
            variables={},
            warehouse=start.variables.get("WORKBENCH_WAREHOUSE_URL", settings.warehouse),
        )
        state = state.model_copy(update={"variables": service.variables(start, state.url)})
        _write(_file(settings, name), state.model_dump_json(indent=2))
    except BaseException:
        _end(process.pid)
        raise
    return state


def _wait(name: str, start: Start, process: subprocess.Popen[bytes], log: Path) -> str:
    ready = SERVICES[name].ready
    deadline = time.monotonic() + ready
    while True:
        if process.poll() is not None:
            raise WorkFailed(f"{SERVICES[name].title} ended as it started: {_tail(log)}")
        if url := SERVICES[name].answers(start):
            return url
        if time.monotonic() > deadline:
            raise WorkFailed(f"{SERVICES[name].title} didn't answer within {ready:g} s; its log is {log}")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-_LINES:]) or f"it said nothing; its log is {log}"


def _free_port(wanted: int) -> int:
    """Return the port it had before if that is free, so that what was exported stays right; else any."""
    for port in (wanted, 0):
        with socket.socket() as attempt, contextlib.suppress(OSError):
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(("127.0.0.1", port))
            return int(attempt.getsockname()[1])
    raise WorkFailed("no port is free on 127.0.0.1")


def _stop(state: State) -> None:
    """End a service as it ends by itself, and after a while by force, with all it started."""
    started: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(state.pid)
        # Some lead sessions of their own, so they are known by their parents alone.
        started = process.children(recursive=True)
        process.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(_PATIENCE)
    _end(state.pid)
    for one in started:
        with contextlib.suppress(psutil.Error):
            one.terminate()
    for one in psutil.wait_procs(started, timeout=3)[1]:
        with contextlib.suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(started, timeout=3)


def _end(leader: int) -> None:
    """Kill what is left of a service's processes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(leader, 0)


def _write(path: Path, text: str) -> None:
    """Write a file for its owner's eyes: it may hold what opens a service of this machine."""
    write_text(path, text + "\n", mode=0o600)


def _write_environment(settings: Settings) -> None:
    """Keep ``home/services.env``, for a shell to read."""
    path, variables = settings.home / "services.env", environment(settings)
    if variables:
        _write(path, "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))
    else:
        path.unlink(missing_ok=True)
