"""Messages that name files: brought into landing, and acknowledged once the ledger has each."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.errors import UsageError, WorkbenchError
from workbench.queue.base import Message
from workbench.queue.messages import Files
from workbench.settings import Settings
from workbench.sources.landing import IdentifiedFile
from workbench.worker.arrivals import arrive
from workbench.worker.completed import Finished
from workbench.worker.landing_watcher import LandingWatcher
from workbench.worker.settlement import MessageSettlement


@dataclass
class Delivery:
    """A message with the files it names, once they are in landing."""

    message: Message
    files: list[IdentifiedFile] = field(default_factory=list)


def bring(
    message: Message,
    content: Files,
    settings: Settings,
    settlement: MessageSettlement,
    watcher: LandingWatcher | None,
) -> Delivery | None:
    """Bring the files of a message into landing, where the watcher leaves them to it.

    Returns:
        None if that can't be; then the message is settled for now.
    """
    delivery = Delivery(message)
    for uri in content.files:
        try:
            found = arrive(uri, settings)
        except UsageError as refused:
            settlement.dead_letter(message, str(refused))
            return None
        except (WorkbenchError, OSError) as problem:
            settlement.nack(message, str(problem))
            return None
        if found is None:
            continue
        delivery.files.append(found)
        if watcher is not None:
            watcher.mark_seen(found)
    return delivery


def ack_completed(
    deliveries: list[Delivery], outcome: str, finished: Finished, settlement: MessageSettlement
) -> list[Delivery]:
    """Finish the messages whose files are all in, give up those with a refused one; return the others."""
    files = [file for delivery in deliveries for file in delivery.files]
    pending, refused = finished.pending(files), finished.refused(files)
    left = []
    for delivery in deliveries:
        bad = [file for file in delivery.files if file.batch_id in refused]
        if any(file.batch_id in pending for file in delivery.files):
            left.append(delivery)
        elif bad:
            settlement.dead_letter(delivery.message, f"{bad[0].name}: {refused[bad[0].batch_id]}")
        else:
            names = ", ".join(file.name for file in delivery.files) or "no data"
            text = "taken in already, nothing to do" if outcome == "repeated" else "taken in"
            settlement.ack(delivery.message, outcome, f"{names}: {text}")
    return left
