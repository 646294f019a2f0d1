"""An environment for the clients, made once from requirements.txt, and a way to run a script in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redshift_local import Address

LOCK = Path(__file__).with_name("requirements.txt")
SCRIPTS = Path(__file__).parent
Run = Callable[[str, str], Any]


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of the clients' environment; skips where it can't be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redshift-local"
    cache.mkdir(parents=True, exist_ok=True)
    # One environment for each lock and each version of Python.
    mark = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder, interpreter = cache / mark, cache / mark / "bin" / "python"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            beside = Path(sys.executable).with_name("uv")
            uv = str(beside) if beside.exists() else shutil.which("uv")
            if uv is None:
                pytest.skip("uv isn't there to make the clients' environment: pip install uv")
            for command in (
                [uv, "venv", "--quiet", "--python", sys.executable, folder],
                [uv, "pip", "install", "--quiet", "--python", interpreter, "--require-hashes", "-r", LOCK],
            ):
                done = subprocess.run(command, capture_output=True, text=True, timeout=300)
                if done.returncode:
                    pytest.skip(f"the clients' environment can't be made: {done.stderr.strip()[-300:]}")
            (folder / "ready").touch()
    return interpreter


@pytest.fixture(scope="session")
def run(python: Path, redshift: Address, aws: dict[str, str]) -> Run:
    """Run a function of a script there, beside the local Redshift and the local S3; return its answer."""

    def run(script: str, function: str) -> Any:
        given = {
            "host": redshift.host, "port": redshift.port, "database": redshift.database, "user": redshift.user,
            "password": redshift.password, "ca": str(redshift.ca),
        }  # fmt: skip
        environment = {
            **os.environ, "SSL_CERT_FILE": str(redshift.ca), "AWS_ENDPOINT_URL": aws["endpoint_url"],
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": aws["region_name"],
        }  # fmt: skip
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [python, "-W", "ignore", SCRIPTS / script, function], input=json.dumps(given), env=environment,
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
