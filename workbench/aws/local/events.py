"""Events as AWS sends them.

moto 5.2.5 encodes the ``/`` of a key in S3's events, leaves out fields of theirs, hands every event to rules that go by
the clock only, calls no function that is a rule's target, and gives all of S3's events for EventBridge one sequencer.
"""

from __future__ import annotations

import copy
import itertools
import json
import threading
import time
from typing import Any
from urllib.parse import quote_plus

_sequence = itertools.count(1)


def install() -> None:
    """Replace what moto doesn't do."""
    from moto.events import models
    from moto.s3 import notifications

    original_event, original_send = notifications._get_s3_event, models.Rule.send_to_targets

    def s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> Any:
        event = original_event(event_name, bucket, key, notification_id)
        for record in event["Records"]:
            record["userIdentity"] = {"principalId": "local"}
            record["requestParameters"] = {"sourceIPAddress": "127.0.0.1"}
            record["responseElements"] = {"x-amz-request-id": "local", "x-amz-id-2": "local"}
            record["s3"]["bucket"]["ownerIdentity"] = {"principalId": "local"}
            record["s3"]["object"] |= {
                "key": quote_plus(key.name, safe="/"),
                "sequencer": _sequencer(),
            }
        return event

    def send(self: Any, original_event: Any, transform_input: bool = True) -> None:
        # A rule without a pattern goes by its schedule, and hears no event.
        if not self.event_pattern.get_pattern():
            return
        if original_event.get("source") == "aws.s3":
            original_event["detail"]["object"]["sequencer"] = _sequencer()
        functions = [target for target in self.targets if target["Arn"].split(":")[2] == "lambda"]
        if functions and self.event_pattern.matches_event(original_event):
            for target in functions:
                _invoke(target["Arn"], original_event)
        others = copy.copy(self)
        others.targets = [target for target in self.targets if target not in functions]
        original_send(others, original_event, transform_input)

    notifications._get_s3_event = s3_event
    models.Rule.send_to_targets = send


def _sequencer() -> str:
    """Return what puts the writes of an object into order."""
    return f"{time.time_ns():016X}{next(_sequence) % 0x10000:04X}"


def _invoke(arn: str, event: Any) -> None:
    """Call a function with an event, and don't wait for it."""
    from moto.awslambda.utils import get_backend

    region, account = arn.split(":")[3:5]
    function = get_backend(account, region).get_function(arn)
    threading.Thread(target=function.invoke, args=(json.dumps(event), {}, {}), daemon=True).start()
