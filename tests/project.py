"""A small project whose one pipeline ingests for real, and then does as a test wishes."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.execution.notebooks import notebook, pipeline

ROOT = Path(__file__).resolve().parents[1]
HEADER = (
    "transaction_id,line_number,transaction_timestamp,customer_id,product_id,store_id,quantity,unit_price,"
    "discount_amount,currency,channel"
)


def make_project(folder: Path, *cells: str) -> Path:
    """Make a project with the pipeline ``intake``: ingest, then ``after``, a stage of these cells."""
    intake = folder / "pipeline_notebooks" / "intake"
    pipeline(
        intake,
        {
            "ingest": {
                "reads": ["landing"],
                "writes": ["raw.*", "ops.quarantine", "ops.batches", "ops.landed_files"],
            },
            "after": {"reads": ["raw.transactions"], "writes": ["report"]},
        },
        schedule={"on": ["landing"]},
    )
    shutil.copy(ROOT / "pipeline_notebooks/retail_etl/ingest.ipynb", intake)
    notebook(
        intake / "after.ipynb",
        *cells,
        imports="import os, time, pathlib\nfrom workbench.execution import record",
    )
    return folder


def sales(path: Path, first: int, rows: int = 3) -> Path:
    """Write a file of sales, a row a transaction, numbered from ``first``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"t{n},1,2026-01-02T10:00:00,c1,p1,s1,1,2.50,0,EUR,store" for n in range(first, first + rows)]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path
