"""Alerts to a topic of Amazon SNS: text for people, JSON for programs."""

from __future__ import annotations

import json
import re

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.governance.alerts.channels.address import Address
from workbench.governance.alerts.channels.base import Unreachable
from workbench.governance.alerts.notifications import Notification, json_of, text_of
from workbench.settings import Settings

_TOPIC = re.compile(r"sns:(arn:aws[\w-]*:sns:([a-z0-9-]+):\d+:[\w-]+(\.fifo)?)")
_REFUSED = ("InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid")
_LONGEST_SUBJECT = 99


class SNSChannel:
    """Publishes to a topic; one that keeps order (``.fifo``) drops what it has got before.

    Raises:
        UsageError: the address isn't ``sns:`` and the ARN of a topic.
    """

    def __init__(self, address: Address) -> None:
        found = _TOPIC.fullmatch(address.text)
        if found is None:
            raise UsageError("a channel that begins with sns: goes on with the ARN of a topic")
        self.name, self._arn, self._region, self._is_fifo = address.text, found[1], found[2], bool(found[3])

    def send(self, notification: Notification, settings: Settings) -> None:
        """Publish it; its attributes ``kind``, ``severity`` and ``notification_id`` are there to filter by."""
        content, text = json.dumps(json_of(notification, settings)), text_of(notification, settings)
        attributes = {
            "kind": notification.kind or "several",
            "severity": notification.severity,
            "notification_id": notification.notification_id,
        }
        order = {"MessageGroupId": "workbench", "MessageDeduplicationId": notification.notification_id}
        try:
            with aws_errors(self.name):
                client("sns", region=self._region).publish(
                    TopicArn=self._arn,
                    Subject=notification.title.encode("ascii", "replace").decode()[:_LONGEST_SUBJECT],
                    Message=json.dumps(
                        {
                            "default": f"{notification.title}\n\n{text}",
                            "email": text,
                            **dict.fromkeys(("sqs", "lambda", "http", "https", "email-json"), content),
                        }
                    ),
                    MessageStructure="json",
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in attributes.items()
                    },
                    **(order if self._is_fifo else {}),
                )
        except WorkFailed as error:
            if error_code(error) in _REFUSED:
                raise
            raise Unreachable(str(error)) from error
