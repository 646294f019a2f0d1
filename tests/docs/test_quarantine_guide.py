"""The walk through quarantine in its guide, done as it is written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands.test_warehouse import Call, call, refused
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse

__all__ = ["call"]

GUIDE = Path(__file__).resolve().parents[2] / "docs/user-guides/quarantine.md"


def test_the_walk_through_goes_as_it_says(
    call: Call, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = GUIDE.read_text()
    for name, content in re.findall(r"```csv (\S+)\n(.*?)```", text, re.DOTALL):
        Path(name).write_text(content)
    asked = 0
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"(?m)^\$ workbench ", block)[1:]:
            command, _, said = part.partition("\n")
            answer = call(*shlex.split(command))
            assert answer.status == 0, (command, answer)
            if said:
                pattern = re.escape(said.strip()).replace("…", ".{12}")
                assert re.fullmatch(pattern, answer.out.strip()), (command, answer.out)
            if command.endswith("export mend.csv"):
                mended = Path("mend.csv").read_text()
                Path("mend.csv").write_text(mended.replace(",two,2.50,EUR\n", ",2,2.50,EUR\n"))
            asked += 1
    assert asked == 8 and "sent back   by " in answer.out
    assert warehouse.counts("raw.transactions") == {"raw.transactions": 2}
    again = call("quarantine", "replay", "mend.csv")
    assert again.status == 0 and "was replayed as row 1 of batch" in again.out, again
    assert again.out.endswith("nothing to send back\n")
    refused(call("quarantine", "replay", "refused.csv"), "has no columns _quarantine_batch")
    refused(call("quarantine", "export", "more.csv"), "no open row")
    assert land("mend.csv", "transactions")
    (batch,) = ingest(warehouse).batches
    assert (batch.status, batch.rows_accepted) == ("rejected", 0) and "quarantine replay" in str(
        batch.message
    )
    refused(call("quarantine", "close", "--because", "x"), "say which rows")
    refused(call("quarantine", "replay", "mend.csv", "--force"), "--because")
    Path("mend.csv").write_text(mended.replace(",2,quantity", ",9,quantity"))
    refused(call("quarantine", "replay", "mend.csv"), "nothing in quarantine is row 9")
    Path("mend.csv").write_text(mended + mended.splitlines()[1] + "\n")
    refused(call("quarantine", "replay", "mend.csv"), "line 4", "is there twice")
