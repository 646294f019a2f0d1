"""Break things on a local AWS, and see how long it takes until nothing is lost and nothing doubled.

`python benchmarks/drills` kills the task of a stage, the worker, the warehouse in the middle of a stage and Airflow's
triggerer; sends messages of which nothing can come, one that kills its workers among them; lets every message die, and
sends them back; and loses the warehouse, which is rebuilt from landing alone, and from a backup and landing. It prints
the seconds from each fault until all is as if there had been none, and exits 1 if anything doesn't add up. Each drill has
a home, ports and servers of its own, which are gone afterwards, also after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial

from ground import Outcome

from workbench.aws.local import LocalAWS


def drills(aws: LocalAWS, rows: int, *, redshift: bool) -> dict[str, Callable[[], Sequence[Outcome]]]:
    """Return the drills by name."""
    import connection
    import faults
    import restore
    import triggerer

    each = {
        "task": partial(faults.killed_task, aws),
        "worker": partial(faults.killed_worker, aws),
        "connection": partial(connection.lost_connection, aws),
        "triggerer": triggerer.killed_triggerer,
        "poison": partial(faults.poison, aws),
        "dead-letters": partial(faults.dead_letters, aws),
    }
    held: dict[str, Callable[[], Sequence[Outcome]]] = {
        name: partial(_one, drill) for name, drill in each.items()
    }
    held["restore"] = partial(restore.duckdb, rows)
    if redshift:
        held["restore-redshift"] = partial(restore.redshift, rows)
    return held


def _one(drill: Callable[[], Outcome]) -> list[Outcome]:
    return [drill()]


NAMES = ("task", "worker", "connection", "triggerer", "poison", "dead-letters", "restore", "restore-redshift")


def main() -> int:
    """Hold the drills that were named, all by default; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="DRILL", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument("--rows", type=int, default=20_000, help="lines of sales of the restore drill")
    parser.add_argument(
        "--redshift", action="store_true", help="all, and restore-redshift on the local Redshift"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in NAMES]:
        parser.error(f"no drill {unknown[0]!r}; there are {', '.join(NAMES)}")
    if given.rows < 1000:
        parser.error("--rows: 1000 at least, so that there is something to compare")
    # Whatever ends it, what it started ends with it; what a shell starts in the background ignores Ctrl-C by itself.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    outcomes: list[Outcome] = []
    with LocalAWS() as aws:
        for name, drill in drills(
            aws, given.rows, redshift=given.redshift or "restore-redshift" in given.names
        ).items():
            if given.names and name not in given.names:
                continue
            began = time.monotonic()
            try:
                found = drill()
            except KeyboardInterrupt:
                print("interrupted; all that was started has ended", file=sys.stderr)
                return 130
            except Exception as problem:
                traceback.print_exc()
                found = [Outcome(name, str(problem).splitlines()[0], checks={"it could be held": False})]
            for outcome in found:
                print(_line(outcome), file=sys.stderr if given.json else sys.stdout, flush=True)
            print(f"  held in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            outcomes += found
    if given.json:
        print(json.dumps([outcome.as_dict() for outcome in outcomes], indent=2))
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def _line(outcome: Outcome) -> str:
    """Return a row of the table; what doesn't hold below it."""
    if outcome.skipped:
        return f"{outcome.drill:38} {'skipped':>9}  {outcome.skipped}"
    seconds = f"{outcome.seconds:.1f} s" if outcome.seconds is not None else ""
    rows = [f"{outcome.drill:38} {seconds:>9}  {outcome.fault}"]
    rows += [f"  DOESN'T HOLD: {check}" for check, holds in outcome.checks.items() if not holds]
    rows += [
        f"  {name}: {json.dumps(outcome.figures[name])}"
        for name in ("different", "lost_without_backup", "differs_without_backup")
        if outcome.figures.get(name)
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
