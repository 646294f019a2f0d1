"""Start and stop the local AWS."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from workbench.aws.local.door import KEY, Key
from workbench.errors import UsageError, WorkFailed
from workbench.libraries.extras import advice

REGION = "eu-west-1"


class LocalAWS:
    """The server as a process; use it as a context manager, or call :meth:`start` and :meth:`stop`.

    Args:
        port: where it listens on 127.0.0.1; a free port if 0.
        log: file that its output is appended to; none is kept if None.
        ready: seconds within which it must answer.
    """

    def __init__(self, port: int = 0, log: Path | None = None, ready: float = 60) -> None:
        self.port, self._log, self._ready = port, log, ready
        self._process: subprocess.Popen[bytes] | None = None
        self._key = Key.new()

    @property
    def url(self) -> str:
        """Where it is; for ``AWS_ENDPOINT_URL``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The server's process."""
        if self._process is None:
            raise WorkFailed("the local AWS isn't running")
        return self._process.pid

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that send every client of AWS there, with the key that opens it and nothing else."""
        return {"AWS_ENDPOINT_URL": self.url, **self._key.variables, "AWS_DEFAULT_REGION": REGION}

    def start(self) -> LocalAWS:
        """Start it and wait until it answers.

        Raises:
            UsageError: moto isn't installed, or the port is taken.
            WorkFailed: it didn't answer in time.
        """
        import importlib.util

        if importlib.util.find_spec("moto") is None:
            raise UsageError(f"the local AWS needs moto; {advice('local')}")
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder, contextlib.ExitStack() as stack:
            port_file = Path(folder) / "port"
            output = stack.enter_context(self._log.open("ab")) if self._log else subprocess.DEVNULL
            command = [
                sys.executable,
                "-m",
                "workbench.aws.local.server",
                str(self.port),
                str(port_file),
                str(os.getpid()),
            ]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **dict(zip(KEY, (self._key.identifier, self._key.secret), strict=True))},
            )  # fmt: skip
            deadline = time.monotonic() + self._ready
            while not port_file.exists():
                if self._process.poll() is not None:
                    self._process = None
                    raise UsageError(f"the local AWS can't listen on port {self.port}; is it taken?")
                if time.monotonic() > deadline:
                    self.stop()
                    raise WorkFailed(f"the local AWS didn't answer within {self._ready:g} s")
                time.sleep(0.05)
            self.port = int(port_file.read_text())
        return self

    def stop(self) -> None:
        """End it, its tasks and its functions; nothing if it isn't running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> LocalAWS:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
