"""Files that land, and a pipeline that does nothing but take them in."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
HEADER = (
    "transaction_id,line_number,transaction_timestamp,customer_id,product_id,store_id,quantity,unit_price,"
    "discount_amount,currency,channel"
)


def write_sales(path: Path, name: str, rows: int = 1) -> Path:
    """Write a file of sales under another name first, then give it its own: nobody sees a part of it."""
    lines = [f"{name}-{n},1,2026-01-02T10:00:00,c{n % 7},p{n % 5},s1,1,2.50,0,EUR,store" for n in range(rows)]
    part = path.with_name(f".{path.name}")
    part.write_text("\n".join([HEADER, *lines]) + "\n")
    return part.replace(path)


def make_intake(folder: Path) -> Path:
    """Make a project whose one pipeline has the one stage ``ingest``; return the project."""
    intake = folder / "pipeline_notebooks" / "intake"
    intake.mkdir(parents=True)
    shutil.copy(ROOT / "pipeline_notebooks" / "retail_etl" / "ingest.ipynb", intake)
    stage = {
        "notebook": "ingest.ipynb",
        "reads": ["landing"],
        "writes": ["raw.*", "ops.quarantine", "ops.batches", "ops.landed_files"],
    }
    content = {"name": "intake", "schedule": {"on": ["landing"]}, "stages": {"ingest": stage}}
    (intake / "pipeline.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder
