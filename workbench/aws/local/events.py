"""Events as AWS sends them.

moto 5.2.5 encodes the ``/`` of a key in S3's events, leaves out fields of theirs, and hands every event to
rules that go by the clock only.
"""

from __future__ import annotations

import itertools
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
                "sequencer": f"{time.time_ns():016X}{next(_sequence) % 0x10000:04X}",
            }
        return event

    def send(self: Any, original_event: Any, transform_input: bool = True) -> None:
        # A rule without a pattern goes by its schedule, and hears no event.
        if self.event_pattern.get_pattern():
            original_send(self, original_event, transform_input)

    notifications._get_s3_event = s3_event
    models.Rule.send_to_targets = send
