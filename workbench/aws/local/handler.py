"""The process of a function: call its handler with the event on stdin; the answer goes to a file."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Context:
    """What a handler is told about its invocation, by Lambda's own names."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: float

    @property
    def function_name(self) -> str:
        """Name of the function."""
        return os.environ["AWS_LAMBDA_FUNCTION_NAME"]

    @property
    def function_version(self) -> str:
        """Version of the function."""
        return os.environ["AWS_LAMBDA_FUNCTION_VERSION"]

    @property
    def memory_limit_in_mb(self) -> str:
        """MiB it may take."""
        return os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]

    @property
    def log_group_name(self) -> str:
        """Where its lines go."""
        return os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]

    @property
    def log_stream_name(self) -> str:
        """Where in the group; one for each invocation."""
        return self.aws_request_id

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until it is ended."""
        return max(0, round((self.deadline - time.monotonic()) * 1000))


def main() -> None:
    """Call the handler."""
    facts = json.load(sys.stdin)
    context = Context(facts["request"], facts["arn"], time.monotonic() + facts["seconds"])
    try:
        module, _, name = facts["handler"].rpartition(".")
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
        value, failed = json.loads(json.dumps(handler(facts["event"], context))), False
    except Exception as error:
        traceback.print_exc()
        value, failed = _told(error), True
    Path(facts["answer"]).write_text(json.dumps({"value": value, "failed": failed}))


def _told(error: Exception) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


if __name__ == "__main__":
    main()
