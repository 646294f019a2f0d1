"""The function between S3 and the queue: an event of S3 becomes a message to the worker.

Its handler is ``workbench.aws.lambda_trigger.handler``. It takes events straight from S3, through EventBridge,
or in batches from another SQS queue, of which it reports each failure by itself. Variables:
``WORKBENCH_QUEUE_URL``, where messages go; ``WORKBENCH_IDEMPOTENCY_TABLE``, a DynamoDB table (key ``id``) that
keeps an event from being sent twice, if wished.

It imports pydantic, boto3 and aws-lambda-powertools, and of this package ``errors`` and ``queue.messages`` alone, so
its zip is small.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from workbench.queue.messages import Files, NotUnderstood, understand

QUEUE = "WORKBENCH_QUEUE_URL"
TABLE = "WORKBENCH_IDEMPOTENCY_TABLE"

logger = Logger(service="workbench-trigger")
_batches = BatchProcessor(event_type=EventType.SQS)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Send on what an event says.

    Returns:
        ``sent``, the ids of messages sent, and ``ignored``, how many parts of it land nothing; for a batch from
        SQS ``batchItemFailures``, the items to deliver again.

    Raises:
        NotUnderstood: the event is none of S3's; Lambda hands it to the function's failure destination.
        botocore.exceptions.ClientError: the queue refuses; Lambda invokes the function again.
    """
    records = event.get("Records") or [{}]
    if records[0].get("eventSource") == "aws:sqs":
        answer: Any = process_partial_response(event, _item, _batches, context)
        return dict(answer)
    return _forward(event, context)


def _item(record: SQSRecord, lambda_context: LambdaContext) -> dict[str, Any]:
    try:
        event = json.loads(record.body)
    except ValueError:
        raise NotUnderstood("the item of the batch isn't JSON") from None
    return _forward(event, lambda_context)


def _forward(event: Any, context: LambdaContext) -> dict[str, Any]:
    sent: list[str] = []
    ignored = 0
    for identity, part in _parts(event):
        content = understand(json.dumps(part))
        if not isinstance(content, Files):
            logger.info("nothing lands", extra={"event_part": identity or str(content)})
            ignored += 1
            continue
        sent.append(_send(identity, content.body(), context))
    return {"sent": sent, "ignored": ignored}


def _parts(event: Any) -> Iterator[tuple[str, Any]]:
    """Yield each record of an event as an event of its own, and what tells it from all others."""
    if not isinstance(event, dict) or not isinstance(event.get("Records"), list):
        yield _identity(event.get("detail") if isinstance(event, dict) else None), event
        return
    for record in event["Records"]:
        yield _identity(record.get("s3") if isinstance(record, dict) else None), {"Records": [record]}


def _identity(part: Any) -> str:
    """Return bucket, key and the write of an object: the same write has the same sequencer."""
    try:
        written = part["object"]
        # A key is encoded in one kind of event and not in the other; either way it is the same each time.
        return f"{part['bucket']['name']}/{written['key']}#{written.get('sequencer') or written.get('eTag')}"
    except (KeyError, TypeError):
        return ""


def _send(identity: str, body: str, context: LambdaContext) -> str:
    if not identity or not (table := os.environ.get(TABLE)):
        return _to_queue(body=body)
    once, config = _once(table)
    config.register_lambda_context(context)
    message: str = once(body=body, identity={"identity": identity})
    return message


@cache
def _once(table: str) -> tuple[Any, IdempotencyConfig]:
    config = IdempotencyConfig(event_key_jmespath="identity", expires_after_seconds=24 * 3600)
    layer = DynamoDBPersistenceLayer(table_name=table)

    def send(body: str, identity: dict[str, str]) -> str:
        return _to_queue(body)

    return idempotent_function(
        send, data_keyword_argument="identity", persistence_store=layer, config=config
    ), config


def _to_queue(body: str) -> str:
    message: str = _sqs().send_message(QueueUrl=os.environ[QUEUE], MessageBody=body)["MessageId"]
    logger.info("sent", extra={"message_id": message, "body": body})
    return message


@cache
def _sqs() -> Any:
    return boto3.client("sqs")
