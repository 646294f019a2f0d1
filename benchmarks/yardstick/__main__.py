"""The ETL beside the same by hand: `python benchmarks/yardstick` generates lines of sales, has `workbench run retail_etl`
take them in, and `etl.sql` too, each in new processes; holds their tables to each other; and prints the ratios as JSON.

By hand there is no ledger, no test, no reason for a refused row and nothing incremental, so what comes after that is
measured against the whole run: nothing new, one file of 1,000 lines of the last day, a hundredth more lines over all days,
and with `--increments` how the file grows over that many files of 1,000 lines.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from equal import differences
from measure import Cost, run

DATASETS = ("customers", "exchange_rates", "products", "stores", "transactions")
_HERE = Path(__file__).parent
_PROGRAM = Path(sys.executable).with_name("workbench")


def main() -> None:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=_count, default=1_000_000, help="lines of sales: 1M, 10M, 50M, ...")
    parser.add_argument(
        "--increments", type=int, default=0, help="files of 1,000 lines to take in one by one"
    )
    parser.add_argument(
        "--data", type=Path, help="a folder that `workbench generate` filled before, or to keep"
    )
    parser.add_argument("--out", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        data = options.data or Path(folder) / "data"
        figures: dict[str, object] = {"lines": options.lines}
        if not (data / "truth.json").exists():
            generated = run([_PROGRAM, "generate", "--rows", str(options.lines), "--out", data], {})
            figures |= generated.figures("generate")
        bench = Bench(Path(folder), data)
        figures |= bench.whole()
        figures |= bench.increments(options.increments)
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


def _count(text: str) -> int:
    return int(float(text.upper().replace("M", "e6").replace("K", "e3")))


class Bench:
    """One warehouse and the database by hand, both from one folder of generated files."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder, self._data = folder, data
        self._home = folder / "home"
        self._file = self._home / "warehouse.duckdb"
        self._environment = {
            "WORKBENCH_HOME": str(self._home), "WORKBENCH_PROJECT": str(_HERE.parents[1]),
            "WORKBENCH_WAREHOUSE_URL": f"duckdb:///{self._file}", "WORKBENCH_REPORTING_CURRENCY": "USD",
        }  # fmt: skip
        self._whole_cpu = 0.0

    def whole(self) -> dict[str, object]:
        """Fill both, compare what they hold; return the ratios and what both cost."""
        by_hand = self._folder / "by_hand.duckdb"
        hand = run([sys.executable, _HERE / "by_hand.py", self._data, by_hand], {})
        # By hand nothing is made of events and measurements, and they aren't judged.
        for dataset in DATASETS:
            run([_PROGRAM, "load", f"{self._data}/{dataset}/*.csv"], self._environment, memory=False)
        ours = self._etl(memory=True)
        self._whole_cpu = ours.cpu
        if found := differences(self._file, by_hand):
            raise SystemExit("the tables differ, so the times can't be compared:\n" + "\n".join(found))
        parts = json.loads(hand.output)
        return {
            "cpu_ratio": round(ours.cpu / hand.cpu, 2),
            "wall_ratio": round(ours.wall / hand.wall, 2),
            "file_ratio": round(self._file.stat().st_size / by_hand.stat().st_size, 2),
            **ours.figures("whole"),
            **hand.figures("by_hand"),
            "by_hand_cpu_by_part": parts,
            "cpu_ratio_without_people": round(ours.cpu / (hand.cpu - parts["people"]), 2),
            "file_megabytes": self._file.stat().st_size >> 20,
        }

    def increments(self, more: int) -> dict[str, object]:
        """Return what it costs to take in what is new, against the whole run, and how the file grows."""
        nothing = self._etl()
        self._land("day", self._last(1_000))
        day = self._etl()
        self._land("hundredth", self._hundredth())
        hundredth = self._etl()
        figures: dict[str, object] = {
            **_brief("nothing_new", nothing), **_brief("thousand_lines", day), **_brief("hundredth", hundredth),
            "hundredth_share_of_cpu": round(hundredth.cpu / self._whole_cpu, 3),
        }  # fmt: skip
        sizes = []
        for number in range(more):
            self._land(f"more_{number}", self._last(1_000, f"M{number:02}"))
            self._etl()
            sizes.append(self._file.stat().st_size >> 20)
        return figures | ({"file_megabytes_by_increment": sizes} if more else {})

    def _etl(self, *, memory: bool = False) -> Cost:
        return run([_PROGRAM, "run", "retail_etl"], self._environment, memory=memory)

    def _land(self, name: str, lines: list[str]) -> None:
        path = self._folder / f"{name}.csv"
        path.write_text("".join(lines))
        run([_PROGRAM, "load", path, "--dataset", "transactions"], self._environment, memory=False)

    def _last(self, count: int, prefix: str = "D") -> list[str]:
        """Return a header and the file's last lines, as lines of other receipts."""
        with (self._data / "transactions/transactions.csv").open(errors="replace") as file:
            header = file.readline()
            file.seek(0, 2)
        with (self._data / "transactions/transactions.csv").open("rb") as file:
            file.seek(-min(400 * count, file.seek(0, 2) - len(header)), 2)
            lines = file.read().decode("utf-8", "replace").splitlines(keepends=True)[1:]
        # The last of them repeat lines of any day.
        ordered = sorted(line for line in lines if line.startswith("T"))
        return [header, *(prefix + line[1:] for line in ordered[-count:])]

    def _hundredth(self) -> list[str]:
        """Return a header and every hundredth receipt, under another id."""
        with (self._data / "transactions/transactions.csv").open(errors="replace") as file:
            header = file.readline()
            return [header, *("H" + line[1:] for line in file if line[:1] == "T" and line[9:11] == "00")]


def _brief(name: str, cost: Cost) -> dict[str, object]:
    return {f"{name}_wall_seconds": round(cost.wall, 2), f"{name}_cpu_seconds": round(cost.cpu, 2)}


if __name__ == "__main__":
    main()
