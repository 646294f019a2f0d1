"""Whether anything is lost or doubled when the worker is killed again and again.

Files land four a second and messages come; every 50th is poison: text that no one understands, a request for no
pipeline, a file that isn't there, a file that no one can read. Every few seconds the worker gets a SIGKILL and a new
one starts. In the end the last worker may finish, and then everything is counted. Exits 1 if anything doesn't balance.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from arrivals import make_intake, write_sales

from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files, file_uri
from workbench.settings import get_settings
from workbench.warehouse import connect

ROOT = Path(__file__).resolve().parents[1]
POISON = 50
# A delivery counts for a worker that was killed, too.
DELIVERIES = 200


class Workers:
    """One worker after another."""

    def __init__(self, log: Path) -> None:
        self._log, self.killed = log.open("ab"), 0
        self.process = self._start()

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "workbench.cli", "worker", "--visibility", "5", "--retry", "1"]
        return subprocess.Popen(
            [*command, "--settle", "0.5", *options],
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """Kill the one that works; another takes its place."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.killed += 1
        self.process = self._start()

    def finish(self) -> None:
        """Let the last one work until nothing is left."""
        self.process.terminate()
        self.process.wait(120)
        self.process = self._start("--drain")
        self.process.wait(3600)


def poison(number: int, folder: Path, queue: Queue) -> str:
    """Put something bad on its way; return what its dead letter must name."""
    mark = f"poison-{number}"
    kind = number // POISON % 4
    if kind == 0:
        queue.send(f"{mark} is no JSON")
    elif kind == 1:
        queue.send(json.dumps({"pipeline": mark, "parameters": {}}))
    elif kind == 2:
        queue.send(Files(files=(file_uri(f"/nowhere/transactions/{mark}.csv"),)).body())
    else:
        path = folder / f".{mark}"
        path.write_text(f"{mark},no,header,of,ours\n1,2,3,4,5\n")
        path.replace(folder / f"{mark}.csv")
    return mark


def feed(
    seconds: float, rate: float, seed: int, workers: Workers, queue: Queue
) -> tuple[int, int, list[str]]:
    """Land files and kill workers; return how many good files and rows came, and the marks of what was bad."""
    draw = random.Random(seed)
    folder = get_settings().landing / "transactions"
    folder.mkdir(parents=True, exist_ok=True)
    files, rows, bad, number = 0, 0, [], 0
    begun = time.monotonic()
    next_kill = begun + draw.uniform(1, 8)
    while (now := time.monotonic()) < begun + seconds:
        number += 1
        if number % POISON == 0:
            bad.append(poison(number, folder, queue))
        else:
            count = draw.randint(1, 20)
            write_sales(folder / f"good-{number}.csv", f"g{number}", count)
            files, rows = files + 1, rows + count
        if now >= next_kill:
            workers.kill()
            next_kill = now + draw.uniform(1, 8)
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
    return files, rows, bad


def count(files: int, rows: int, bad: list[str], queue: Queue) -> dict[str, object]:
    """Return what there is against what there should be."""
    warehouse = connect()
    (ledger,) = warehouse.query(
        "SELECT count(*) AS batches, count(DISTINCT batch_id) AS distinct_batches, "
        "coalesce(sum(rows_landed), 0) AS landed, coalesce(sum(rows_accepted), 0) AS accepted, "
        "coalesce(sum(rows_quarantined), 0) AS quarantined FROM ops.batches WHERE status <> 'rejected'"
    ).to_pylist()
    (raw,) = warehouse.query(
        "SELECT count(*) AS n, count(DISTINCT transaction_id || '/' || line_number) AS lines, "
        "count(DISTINCT _batch_id) AS files FROM raw.transactions"
    ).to_pylist()
    dead = queue.dead()
    missing = [mark for mark in bad if not any(mark in message.body for message in dead)]
    strange = [message.body for message in dead if "poison-" not in message.body]
    checks = {
        "the ledger balances": ledger["landed"] == ledger["accepted"] + ledger["quarantined"],
        "each good file is in the ledger once": ledger["batches"] == ledger["distinct_batches"] == files,
        "each row is in raw once": raw["n"] == raw["lines"] == rows and raw["files"] == files,
        "each poison is a dead letter": not missing,
        "nothing else is a dead letter": not strange,
        "each dead letter is there once": len(dead) == len(bad),
        "the queue is empty": queue.counts().open == 0,
    }
    return {
        "files": files, "rows": rows, "poison": len(bad), "dead": len(dead), "missing": missing[:5],
        "strange": strange[:5], "ledger": {name: int(value) for name, value in ledger.items()},
        "raw": {name: int(value) for name, value in raw.items()}, "checks": checks,
    }  # fmt: skip


def main() -> int:
    """Do it, and print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=4, help="files and messages a second")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="workbench-soak-"))
    os.environ["WORKBENCH_HOME"] = str(home / "home")
    os.environ["WORKBENCH_PROJECT"] = str(make_intake(home / "project"))
    os.environ["WORKBENCH_QUEUE_URL"] = f"sqlite:///{home}/queue.db?max_receives={DELIVERIES}"
    os.environ["PYTHONPATH"] = str(ROOT)
    queue, begun = connect_queue(settings=get_settings()), time.monotonic()
    connect(create=True)
    workers = Workers(home / "worker.log")
    try:
        files, rows, bad = feed(given.minutes * 60, given.rate, given.seed, workers, queue)
        workers.finish()
    finally:
        if workers.process.poll() is None:
            workers.process.kill()
    found = {"minutes": given.minutes, "kills": workers.killed, "seconds": round(time.monotonic() - begun, 1)}
    found |= count(files, rows, bad, queue)
    print(json.dumps(found, indent=2))
    good = all(found["checks"].values())  # type: ignore[attr-defined]
    if good:
        shutil.rmtree(home, ignore_errors=True)
    else:
        print(f"what there is stays in {home}", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
