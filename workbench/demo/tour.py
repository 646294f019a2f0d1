"""A practice shop for the tours: the sample, in a home of its own, so that nothing of yours is touched."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from workbench.execution import load_pipeline, run_pipeline
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

PRACTICE = "practice"
SAMPLE = Path("samples") / "retail_data.csv"


def home() -> Path:
    """Return your home: where ``WORKBENCH_HOME`` says, else ``.workbench`` in the project, wherever this is called."""
    settings = get_settings()
    found = settings.home if "WORKBENCH_HOME" in os.environ else settings.root / ".workbench"
    return found.parent if found.name == PRACTICE else found


def practice() -> Warehouse:
    """Return the warehouse of the practice shop, and work in its home from now on.

    The first time, the sample is landed and the retail pipeline run, which takes half a minute.
    """
    os.environ["WORKBENCH_HOME"] = str(home() / PRACTICE)
    # Whatever else your settings name is yours, in a file of settings, too.
    places = (
        "WAREHOUSE_URL",
        "LANDING_URI",
        "LAKE_URI",
        "RUNS_URI",
        "QUEUE_URL",
        "MLFLOW_TRACKING_URI",
        "ALERT_CHANNELS",
    )
    os.environ |= {f"WORKBENCH_{name}": "" for name in places}
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    settings = get_settings()
    warehouse = connect(create=True)
    if not warehouse.counts("marts.retail_sales")["marts.retail_sales"]:
        print("making the practice shop: sixty days of sales, run through the pipeline once")
        land(str(settings.root / SAMPLE), "transactions")
        run = run_pipeline("retail_etl")
        print(f"{run.pipeline} {run.state} in {run.seconds:.0f} s{f': {run.error}' if run.error else ''}")
    print(f"working in {settings.home}")
    return warehouse


def own_or_practice() -> Warehouse:
    """Return your warehouse if there are sales in it, else that of the practice shop."""
    os.environ["WORKBENCH_HOME"] = str(home())
    warehouse = connect(create=True, read_only=True)
    if not warehouse.counts("marts.retail_sales")["marts.retail_sales"]:
        return practice()
    print(f"working on {warehouse.url}")
    return warehouse


def own() -> Warehouse:
    """Return your warehouse, whatever is in it."""
    os.environ["WORKBENCH_HOME"] = str(home())
    warehouse = connect(create=True)
    print(f"working on {warehouse.url}")
    return warehouse


def copy_stage(pipeline: str, stage: str) -> Path:
    """Copy a stage into a pipeline of its own in the practice home, to be edited freely; return its notebook."""
    found = load_pipeline(pipeline)
    settings = get_settings()
    folder = settings.home / "my_pipeline"
    folder.mkdir(parents=True, exist_ok=True)
    one = found.stages[stage]
    content = {
        "name": "my_pipeline",
        "stages": {stage: {"notebook": f"{stage}.ipynb", "reads": [*one.reads], "writes": [*one.writes]}},
    }
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    notebook = folder / f"{stage}.ipynb"
    notebook.write_text(found.notebook(stage).read_text(encoding="utf-8"), encoding="utf-8")
    return notebook


@dataclass(frozen=True)
class Page:
    """Show a page of a run in a notebook, as it opens in a browser; it can't reach what surrounds it."""

    page: Path
    height: int = 600

    def _repr_html_(self) -> str:
        content = html.escape(self.page.read_text(encoding="utf-8"), quote=True)
        return (
            f'<iframe title="{html.escape(self.page.name)}" sandbox="allow-scripts" srcdoc="{content}" '
            f'style="width: 100%; height: {self.height}px; border: 1px solid #ccc"></iframe>'
        )
