"""Amazon SQS: a standard queue whose redrive policy names its dead-letter queue."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from workbench.boto import aws_errors, client, error_code
from workbench.errors import UsageError, WorkFailed
from workbench.queue.base import UNFINISHED, Counts, DeadMessage, Message, ReceiptLost

_LONGEST_WAIT = 20
_LONGEST_VISIBILITY = 12 * 3600
_BATCH = 10
_LOST = {
    "InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid",
    "AWS.SimpleQueueService.MessageNotInflight",
}  # fmt: skip
# What a message of SQS can't hold.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SQSQueue:
    """A queue at AWS, or at a server that speaks its protocol.

    Args:
        url: as ``CreateQueue`` returns it.

    Raises:
        UsageError: there is no such queue, or it has no redrive policy.
        WorkFailed: AWS refuses, or can't be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = _client(url)
        policy = self._policy()
        self.max_receives = int(policy["maxReceiveCount"])
        with aws_errors(f"the dead-letter queue of {url}"):
            arn = policy["deadLetterTargetArn"].split(":")
            found = self._client.get_queue_url(QueueName=arn[5], QueueOwnerAWSAccountId=arn[4])
        self.dead_url: str = found["QueueUrl"]

    def _policy(self) -> dict[str, Any]:
        try:
            with aws_errors(f"the queue {self.url}"):
                answer = self._client.get_queue_attributes(
                    QueueUrl=self.url, AttributeNames=["RedrivePolicy"]
                )
        except WorkFailed as error:
            if "NonExistentQueue" in error_code(error) or "QueueDoesNotExist" in error_code(error):
                raise UsageError(f"no queue at {self.url}") from None
            raise
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        if not policy:
            raise UsageError(f"the queue {self.url} needs a redrive policy that names its dead-letter queue")
        found: dict[str, Any] = json.loads(policy)
        return found

    def send(self, *bodies: str, delay: int = 0) -> list[str]:
        """Append messages, ten a call; return their ids."""
        sent: list[str] = []
        for start in range(0, len(bodies), _BATCH):
            entries = [{"MessageBody": b, "DelaySeconds": delay} for b in bodies[start : start + _BATCH]]
            sent += self._send(self.url, entries)
        return sent

    def _send(self, url: str, entries: Sequence[dict[str, Any]]) -> list[str]:
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        with aws_errors(f"sending to {url}"):
            answer = self._client.send_message_batch(QueueUrl=url, Entries=numbered)
        if failed := answer.get("Failed"):
            raise WorkFailed(f"sending to {url}: {failed[0].get('Code')}: {failed[0].get('Message')}")
        ids = {entry["Id"]: entry["MessageId"] for entry in answer["Successful"]}
        return [ids[entry["Id"]] for entry in numbered]

    def receive(self, maximum: int = 10, *, wait: float = 0, visibility: int = 60) -> list[Message]:
        """Return up to ``maximum`` messages; wait up to ``wait`` seconds for the first."""
        deadline = time.monotonic() + wait
        # By id: one whose time runs out while others are fetched comes again, and the later receipt counts.
        found: dict[str, Message] = {}
        while len(found) < maximum:
            left = 0 if found else max(0.0, deadline - time.monotonic())
            some = self._receive(
                self.url, min(_BATCH, maximum - len(found)), min(_LONGEST_WAIT, round(left)), visibility
            )
            found |= {entry["MessageId"]: _message(entry) for entry in some}
            if not some and (found or deadline - time.monotonic() < 1):
                break
        return list(found.values())

    def _receive(self, url: str, maximum: int, wait: int, visibility: int) -> list[dict[str, Any]]:
        with aws_errors(f"receiving from {url}"):
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=maximum,
                WaitTimeSeconds=wait,
                VisibilityTimeout=visibility,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                MessageAttributeNames=["All"],
            )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def extend(self, message: Message, seconds: int) -> None:
        """Keep a message for so many seconds from now."""
        try:
            with aws_errors(f"message {message.message_id}"):
                self._client.change_message_visibility(
                    QueueUrl=self.url,
                    ReceiptHandle=message.receipt,
                    VisibilityTimeout=min(seconds, _LONGEST_VISIBILITY),
                )
        except WorkFailed as error:
            if error_code(error).split("#")[-1] in _LOST:
                raise ReceiptLost(f"message {message.message_id} is no longer ours") from error
            raise

    def release(self, message: Message, after: int = 0) -> None:
        """Give a message back, to be delivered again after so many seconds."""
        try:
            self.extend(message, after)
        except ReceiptLost:
            return

    def delete(self, message: Message) -> None:
        """Finish a message."""
        self._delete(self.url, message.receipt)

    def _delete(self, url: str, receipt: str) -> None:
        try:
            with aws_errors(f"deleting from {url}"):
                self._client.delete_message(QueueUrl=url, ReceiptHandle=receipt)
        except WorkFailed as error:
            if error_code(error).split("#")[-1] not in _LOST:
                raise

    def dead_letter(self, message: Message, reason: str) -> None:
        """Give a message up, now: it is sent to the dead letters with the reason, then deleted here.

        A process that is killed in between leaves it in both places; it is given up a second time then.
        """
        try:
            self.extend(message, 60)
        except ReceiptLost:
            return
        values = {
            "Reason": _clean(reason) or "no reason given",
            "ReceiveCount": str(message.receive_count),
            "SentAt": message.sent_at.isoformat(),
            "MessageId": message.message_id,
        }
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
        self._send(self.dead_url, [{"MessageBody": message.body, "MessageAttributes": attributes}])
        self.delete(message)

    def dead(self, limit: int = 100) -> list[DeadMessage]:
        """Return messages that were given up, the oldest first, and leave them where they are."""
        held: list[dict[str, Any]] = []
        try:
            for entry in self._dead_entries():
                held.append(entry)
                if len(held) >= limit:
                    break
        finally:
            self._let_go(held)
        return sorted((self._dead_message(entry) for entry in held), key=lambda dead: dead.sent_at)

    def _dead_entries(self) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        while some := [e for e in self._receive(self.dead_url, _BATCH, 1, 60) if e["MessageId"] not in seen]:
            seen |= {entry["MessageId"] for entry in some}
            yield from some

    def _let_go(self, entries: Iterable[dict[str, Any]]) -> None:
        for entry in entries:
            with aws_errors(f"the dead letters {self.dead_url}"):
                self._client.change_message_visibility(
                    QueueUrl=self.dead_url, ReceiptHandle=entry["ReceiptHandle"], VisibilityTimeout=0
                )

    def _dead_message(self, entry: dict[str, Any]) -> DeadMessage:
        attributes = {
            name: value["StringValue"] for name, value in entry.get("MessageAttributes", {}).items()
        }
        if "Reason" in attributes and "SentAt" in attributes:
            return DeadMessage(
                attributes.get("MessageId", entry["MessageId"]),
                entry["Body"],
                attributes["Reason"],
                int(attributes.get("ReceiveCount", 0)) or None,
                datetime.fromisoformat(attributes["SentAt"]),
                _message(entry).sent_at,
            )
        # Moved by SQS itself, which keeps the id and the time of sending and tells no reason.
        reason = UNFINISHED.format(count=self.max_receives)
        return DeadMessage(entry["MessageId"], entry["Body"], reason, None, _message(entry).sent_at, None)

    def replay(self, ids: Iterable[str] | None = None) -> list[str]:
        """Put given-up messages back into the queue as new: sent first, then deleted from the dead letters."""
        chosen = None if ids is None else set(ids)
        replayed, left = [], []
        try:
            for entry in self._dead_entries():
                message_id = self._dead_message(entry).message_id
                if chosen is not None and message_id not in chosen:
                    left.append(entry)
                    continue
                self._send(self.url, [{"MessageBody": entry["Body"]}])
                self._delete(self.dead_url, entry["ReceiptHandle"])
                replayed.append(message_id)
        finally:
            self._let_go(left)
        return replayed

    def counts(self) -> Counts:
        """Count the messages; SQS's numbers are approximate."""
        ready, delayed, hidden = self._counts(self.url)
        return Counts(ready, delayed + hidden, sum(self._counts(self.dead_url)))

    def _counts(self, url: str) -> tuple[int, ...]:
        names = [f"ApproximateNumberOfMessages{suffix}" for suffix in ("", "Delayed", "NotVisible")]
        with aws_errors(f"counting {url}"):
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return tuple(int(answer["Attributes"][name]) for name in names)


def _client(url: str) -> Any:
    """Return a client for the place a queue's URL names."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if found := re.fullmatch(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?", host):
        return client("sqs", region=found[1])
    return client("sqs", endpoint=f"{parts.scheme}://{parts.netloc}")


def _message(entry: dict[str, Any]) -> Message:
    attributes = entry["Attributes"]
    return Message(
        entry["MessageId"],
        entry["Body"],
        entry["ReceiptHandle"],
        int(attributes["ApproximateReceiveCount"]),
        datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        # SQS doesn't tell who gave a message back from who ended with it.
        abandoned=int(attributes["ApproximateReceiveCount"]) > 2,
    )


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)[:1000]
