"""One home in which both pipelines, a user's notebook and a failing one ran, and a browser to read its pages with."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench.demo.generated.generate import generate
from workbench.execution import RunOptions, load_pipeline, run_notebook, run_pipeline
from workbench.settings import get_settings
from workbench.sources.files import land

from .gallery import write_failing, write_gallery

CHROMIUM = Path("/usr/bin/chromium")
ROWS = 6_000
ODD = ("كتاب أزرق", "😀 party 🎉", "W" * 90, "Cost $5 & $6 <b>", "-", "日本語の本")
"""Names of products and departments that a page must stand."""


@dataclass(frozen=True)
class Site:
    """The pages of a home, by what they show."""

    home: Path
    pages: dict[str, Path]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Run everything once."""
    base = tmp_path_factory.mktemp("site")
    generate(base / "made", rows=ROWS)
    _add_odd_ones(base / "made")
    home = base / "home"
    for folder in (base / "made").iterdir():
        if folder.is_dir():
            shutil.copytree(folder, home / "landing" / folder.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        settings = get_settings()
        pages = {"index": settings.site / "index.html"}
        runs = [run_pipeline(load_pipeline(name)) for name in ("retail_etl", "anomaly_detection")]
        runs.append(run_pipeline(load_pipeline("retail_etl"), options=RunOptions(only="report")))
        assert [run.error for run in runs] == [None] * 3
        runs.append(run_notebook(write_gallery(base / "gallery.ipynb")))
        assert runs[-1].error is None
        (refused := base / "refused.csv").write_text("transaction_id,line_number\nT1,1\n")
        land(str(refused), "transactions")
        runs.append(run_pipeline(load_pipeline("retail_etl"), options=RunOptions(only="ingest")))
        assert runs[-1].warnings
        runs.append(run_notebook(write_failing(base / "failing.ipynb")))
        runs.append(run_pipeline(load_pipeline(_broken(base / "project"))))
        assert [run.state for run in runs[-2:]] == ["failed", "failed"]
        for run in runs:
            for page in sorted((settings.site / run.run_id).glob("*.html")):
                name = "run" if page.stem == "index" else page.stem
                pages[f"{run.pipeline} {name}" + (" failed" if run.state == "failed" else "")] = page
    return Site(home, pages)


def _broken(project: Path) -> Path:
    """Write a pipeline whose first stage fails at its end, and return its folder."""
    folder = shutil.copytree(load_pipeline("retail_etl").folder, project / "pipelines" / "retail_etl")
    (project / "dbt").symlink_to(get_settings().root / "dbt")
    notebook = nbformat.read(folder / "ingest.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("raise RuntimeError('the bank is closed')"))
    nbformat.write(notebook, folder / "ingest.ipynb")
    return folder


def _add_odd_ones(folder: Path) -> None:
    """Add sales of products with odd names, returns among them, and sales in a currency without a rate."""
    (sold := folder / "transactions" / "odd.csv").parent.mkdir(exist_ok=True)
    head = ("transaction_id", "line_number", "transaction_timestamp", "customer_id", "product_id", "store_id", "quantity",
            "unit_price", "discount_amount", "currency", "channel")  # fmt: skip
    with sold.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(head)
        for place, _ in enumerate(ODD):
            rows.writerow(
                (
                    f"O{place}",
                    1,
                    "2024-12-20T10:00:00",
                    "",
                    f"odd-{place}",
                    "S1",
                    5_000,
                    9.5,
                    0,
                    "USD",
                    "store",
                )
            )
        rows.writerow(
            ("O-back", 1, "2024-12-21T10:00:00", "", "odd-0", "S1", -90_000, 9.5, 0, "USD", "store")
        )
        rows.writerow(("O-else", 1, "2024-12-21T11:00:00", "", "odd-1", "S1", 2, 9.5, 0, "XPF", "store"))
    with (folder / "products" / "odd.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("product_id", "updated_at", "description", "department", "category"))
        rows.writerows((f"odd-{place}", "2020-01-01", name, name, "Odd") for place, name in enumerate(ODD))


# While it is open, nothing else in this process can start a browser.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window."""
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=180_000)
        yield browser
        browser.close()
