"""Step Functions: ``ecs:runTask.sync`` fails where its task does.

moto 5.2.5 takes every stopped task for a success. Step Functions fails the state when the task's container
ended with another exit code than 0, or never started.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def install() -> None:
    """Replace what moto doesn't do."""
    from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name import failure_event
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
        StateTaskServiceEcs,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    original = StateTaskServiceEcs._build_sync_resolver

    def build(self: Any, env: Any, *arguments: Any, **named: Any) -> Callable[[], Any]:
        resolver = original(self, env, *arguments, **named)

        def resolve() -> Any:
            task = resolver()
            if task is None or all(one.get("ExitCode") == 0 for one in task["Containers"]):
                return task
            error = StatesErrorNameType.StatesTaskFailed
            details = TaskFailedEventDetails(
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
                error=error.to_name(),
                cause=to_json_str(task),
            )
            raise failure_event.FailureEventException(
                failure_event.FailureEvent(
                    env=env,
                    error_name=StatesErrorName(typ=error),
                    event_type=HistoryEventType.TaskFailed,
                    event_details=EventDetails(taskFailedEventDetails=details),
                )
            )

        return resolve

    StateTaskServiceEcs._build_sync_resolver = build
