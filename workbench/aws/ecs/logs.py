"""Read the lines of a container from CloudWatch Logs as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.boto import aws_errors, client, error_code
from workbench.errors import WorkFailed


class LogTail:
    """Hands on each line once, in order.

    Args:
        container: a container's part of a task definition, which says where its lines go.
        task: ARN of the task.
        on_line: told each line.
    """

    def __init__(self, container: Mapping[str, Any], task: str, on_line: Callable[[str], None]) -> None:
        log_configuration = container.get("logConfiguration") or {}
        options = log_configuration.get("options", {})
        self.group: str | None = None
        self.stream: str | None = None
        if log_configuration.get("logDriver") == "awslogs" and "awslogs-stream-prefix" in options:
            self.group = options["awslogs-group"]
            self.stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task.split('/')[-1]}"
            self._client = client("logs", region=options.get("awslogs-region"))
        self._on_line, self._token = on_line, ""

    def read(self) -> int:
        """Hand on what is new; return how many lines that were."""
        if self.stream is None:
            return 0
        count = 0
        while True:
            position = {"nextToken": self._token} if self._token else {}
            try:
                with aws_errors(f"the log {self.stream}"):
                    answer = self._client.get_log_events(
                        logGroupName=self.group, logStreamName=self.stream, startFromHead=True, **position
                    )
            except WorkFailed as error:
                # The stream is there once the container writes.
                if error_code(error) == "ResourceNotFoundException":
                    return count
                raise
            for event in answer["events"]:
                self._on_line(event["message"])
            count += len(answer["events"])
            before, self._token = self._token, answer["nextForwardToken"]
            if self._token == before or not answer["events"]:
                return count
