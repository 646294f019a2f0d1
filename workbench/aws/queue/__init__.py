"""The queue that work waits in: SQS, or a SQLite file for a single machine."""

from __future__ import annotations

from workbench.aws.queue.connect import connect_queue
from workbench.aws.queue.port import Counts, DeadMessage, Message, Queue, ReceiptLost

__all__ = ["Counts", "DeadMessage", "Message", "Queue", "ReceiptLost", "connect_queue"]
