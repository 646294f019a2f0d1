"""The warehouse is gone in the middle of a stage, and comes back: a local Redshift that is killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from ground import Outcome, until
from intake import intake, working

from workbench.aws.local import LocalAWS
from workbench.warehouse import connect

FILES = 20
OUTAGE = 3.0
"""Seconds for which there is no warehouse."""
_ROLE = "arn:aws:iam::123456789012:role/redshift"


class Server:
    """A local Redshift as a program of its own, which can be killed as a machine that loses its power.

    Args:
        data: its folder; what was committed there is there again after the next start.
    """

    def __init__(self, data: Path) -> None:
        self._data, self.port = data, 0

    def start(self) -> None:
        """Start it, on the port of before."""
        command = [sys.executable, "-m", "redshift_local", "start", "--data", str(self._data)]
        # Without the home, by which the processes of the drill are known.
        known = {name: value for name, value in os.environ.items() if name != "WORKBENCH_HOME"}
        known["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        with self._data.with_name("redshift.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=known, start_new_session=True,
            )  # fmt: skip
        until(self._is_ready, "the local Redshift", 120)
        self.port = urlsplit(self._state()["url"]).port or 0

    def _state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._data / "state.json").read_text())
        return found

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self._data.with_name("redshift.log").read_text()[-2000:])
        # What the one before left is there until the next has written its own.
        with contextlib.suppress(OSError, ValueError, KeyError):
            return self._state()["pid"] == self._process.pid
        return False

    def variables(self, bucket: str) -> dict[str, str]:
        """Return what leads to it."""
        state = self._state()
        return {
            "WORKBENCH_WAREHOUSE_URL": f"{state['url']}?ca={state['ca']}",
            "WORKBENCH_REDSHIFT_PASSWORD": (self._data / "password").read_text().strip(),
            "WORKBENCH_REDSHIFT_S3": f"s3://{bucket}/staging",
            "WORKBENCH_REDSHIFT_IAM_ROLE": _ROLE,
        }

    def kill(self) -> None:
        """Kill it, and PostgreSQL behind it."""
        database = int((self._data / "postgres" / "postmaster.pid").read_text().split()[0])
        for process in (psutil.Process(self._process.pid), psutil.Process(database)):
            for each in (*process.children(recursive=True), process):
                with contextlib.suppress(psutil.Error):
                    each.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(60)


def lost_connection(aws: LocalAWS) -> Outcome:
    """Kill the warehouse while a stage loads into it, and start it again some seconds later."""
    with intake("connection", aws) as ground:
        server = Server(ground.place / "redshift")
        try:
            server.start()
        except RuntimeError as problem:
            return Outcome("connection lost", "", skipped=str(problem).strip().splitlines()[-1])
        try:
            os.environ.update(server.variables(ground.bucket))
            connect(create=True)
            with working(ground.place) as workers:
                ground.deliver(FILES)
                batches = "SELECT count(*) AS n FROM ops.batches"
                loaded = until(lambda: connect().rows(batches)[0]["n"], "a first batch", pause=0.02)
                server.kill()
                began = time.monotonic()
                time.sleep(OUTAGE)
                server.start()
                ground.until_done("all files after the warehouse came back")
                seconds = time.monotonic() - began
                ended = workers.ended
            checks = {"it was killed in the middle": 0 < loaded < FILES, "the worker lived on": not ended}
            checks |= ground.checks()
        finally:
            server.stop()
        figures = {"files": FILES, "loaded_before": int(loaded), "outage_seconds": OUTAGE}
        return Outcome(
            "connection lost", "SIGKILL to the warehouse, back after 3 s", seconds, checks, figures
        )
