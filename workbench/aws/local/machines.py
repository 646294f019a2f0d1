"""Step Functions: ``ecs:runTask.sync`` calls ECS, and fails where its task does.

moto 5.2.5 hands a state's parameters to ECS in Step Functions' spelling (``Cluster``), which ECS doesn't know,
and takes every stopped task for a success. Step Functions fails the state when the task's container ended with
another exit code than 0, or never started. Machines that its CloudFormation makes are in a list of their own, which nothing
executes. It refuses the errors that the language itself names where they come
out of a branch, and takes what ended an attempt for the end of the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from workbench.aws.local.door import Key


def install(key: Key) -> None:
    """Replace what moto doesn't do; ``key`` opens the local AWS, which machines call as any client does."""
    import boto3
    from moto.stepfunctions import models
    from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name import custom_error_name, failure_event
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
        StateTaskServiceEcs,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
    from moto.stepfunctions.parser.asl.utils import boto_client
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

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

    def parameters(
        self: Any, parameters: Any, service: Any = None, service_action_name: str | None = None
    ) -> None:
        self._to_boto_request(
            parameters, _operation(self._get_boto_service_action(service_action_name)).input_shape
        )

    def response(
        self: Any, response: Any, service: Any = None, service_action_name: str | None = None
    ) -> None:
        self._from_boto_response(
            response, _operation(self._get_boto_service_action(service_action_name)).output_shape
        )

    waits = StateTaskServiceEcs._eval_sync

    def wait(self: Any, **named: Any) -> Any:
        # A task of ECS is followed, never called back; the endpoint of the first attempt stays interrupted.
        return waits(self, **{**named, "callback_endpoint": None})

    def client(**named: Any) -> Any:
        login = {"aws_access_key_id": key.identifier, "aws_secret_access_key": key.secret}
        return boto3.client(**{**named, **login})

    models.stepfunctions_backends = stepfunctions_parser_backends
    boto_client.boto3 = SimpleNamespace(client=client)
    custom_error_name.ILLEGAL_CUSTOM_ERROR_PREFIX = "\0"
    StateTaskServiceEcs._build_sync_resolver = build
    StateTaskServiceEcs._eval_sync = wait
    StateTaskServiceEcs._normalise_parameters = parameters
    StateTaskServiceEcs._normalise_response = response


@cache
def _operation(action: str) -> Any:
    """Return botocore's model of an operation of ECS, by its name in Python."""
    import botocore.session
    from botocore import xform_name

    model = botocore.session.get_session().get_service_model("ecs")
    return model.operation_model(next(name for name in model.operation_names if xform_name(name) == action))
