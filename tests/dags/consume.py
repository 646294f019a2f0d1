"""Run in Airflow's environment: take one message of a queue as the triggerer does, say it, and store it or hold it.

Usage: ``consume.py QUEUE_URL hold|store``; the message stays away from others for eight seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys

from airflow.triggers.shared_stream import AdvanceItem, AdvanceOutcome

from workbench.airflow.messages.trigger import QueueProducer


async def main(queue_url: str, then: str) -> None:
    """Take one message; ``hold`` never comes to an end."""
    producer = QueueProducer(queue_url, visibility=8)
    async for content, message in producer.open_stream():
        print(json.dumps(content), flush=True)
        if then == "hold":
            await asyncio.sleep(3600)
        await producer.advance([AdvanceItem(message, AdvanceOutcome(acked=1, failed=0, rejected=0))])
        break
    await producer.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
