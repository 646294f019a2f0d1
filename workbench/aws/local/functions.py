"""Lambda for real: a function's Python handler runs from its zip in a process of its own.

moto 5.2.5 would start a container for it. This replaces the invocation of its backend.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.aws.local.door import Key

_folders: dict[str, str] = {}
_lock = threading.Lock()


def install(url: str, key: Key) -> None:
    """Replace what moto doesn't do; ``url`` is where functions find the local AWS, and ``key`` opens it."""
    from moto.awslambda import models

    aws = {"AWS_ENDPOINT_URL": url, **key.variables}

    def invoke(self: Any, event: Any = None) -> tuple[str, bool, str]:
        self.logs_backend.ensure_log_group(self.logs_group_name)
        answer, failed, output = _run(self, event if event is not None else {}, aws)
        self.save_logs(output or " ")
        return json.dumps(answer), failed, output

    models.LambdaFunction._invoke_lambda = invoke


def clean() -> None:
    """Remove the unpacked functions."""
    for folder in _folders.values():
        shutil.rmtree(folder, ignore_errors=True)


def _run(function: Any, event: Any, aws: Mapping[str, str]) -> tuple[Any, bool, str]:
    if not str(function.run_time).startswith("python"):
        return _failure("Runtime.Unsupported", "the local AWS runs Python functions only"), True, ""
    request, seconds = str(uuid.uuid4()), int(function.timeout)
    with tempfile.TemporaryDirectory(prefix="workbench-function-") as scratch:
        answer_file = Path(scratch) / "answer.json"
        facts = {
            "event": event,
            "handler": function.handler,
            "request": request,
            "arn": function.function_arn,
            "seconds": seconds,
            "answer": str(answer_file),
        }
        try:
            done = subprocess.run(
                # By its file, and without its folder on the path: a function may bring this very package.
                [sys.executable, "-P", str(Path(__file__).with_name("handler.py"))],
                input=json.dumps(facts).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_variables(function, _unpacked(function.code_bytes), aws),
                cwd=scratch,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            output = (late.stdout or b"").decode("utf-8", "replace")
            message = f"{request} Task timed out after {seconds:.2f} seconds"
            return _failure("Sandbox.Timedout", message), True, output + message
        output = done.stdout.decode("utf-8", "replace")
        if not answer_file.exists():
            message = f"RequestId: {request} Error: Runtime exited with exit status {done.returncode}"
            return _failure("Runtime.ExitError", message), True, output + message
        answer = json.loads(answer_file.read_text())
    return answer["value"], answer["failed"], output


def _failure(kind: str, message: str) -> dict[str, str]:
    return {"errorType": kind, "errorMessage": message}


def _unpacked(code: bytes) -> str:
    key = hashlib.sha256(code).hexdigest()
    with _lock:
        if key not in _folders:
            _folders[key] = tempfile.mkdtemp(prefix="workbench-function-")
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(_folders[key])
        return _folders[key]


def _variables(function: Any, folder: str, aws: Mapping[str, str]) -> dict[str, str]:
    ours = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": folder,
        "LAMBDA_TASK_ROOT": folder,
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        **aws,
    }
    return ours | {str(name): str(value) for name, value in function.environment_vars.items()}
