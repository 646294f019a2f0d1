"""Every page can be used by everyone: axe-core finds nothing, on a large screen, in the dark and on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEWS = {
    "light": ("light", 1280),
    "dark": ("dark", 1280),
    "phone": ("light", 390),
    "phone in the dark": ("dark", 390),
}
UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true })"


@contextmanager
def opened(chromium: Any, path: Path, view: str = "light") -> Iterator[Any]:
    scheme, width = VIEWS[view]
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    yield page
    context.close()


def test_all_kinds_of_pages_are_there(site: Site) -> None:
    stages = ("ingest", "customers", "products", "transactions", "marts", "report", "run", "ingest failed")
    expected = {f"retail_etl {name}" for name in stages}
    expected |= {f"anomaly_detection {name}" for name in ("train_sales", "detect_sales", "report", "run")}
    assert {*expected, "index", "gallery gallery", "failing failing failed"} <= site.pages.keys()


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_no_page_scrolls_sideways(site: Site, chromium: Any, view: str) -> None:
    axe, found = Axe(), []
    for name, path in site.pages.items():
        with opened(chromium, path, view) as page:
            page.evaluate(UNFOLD)
            for violation in axe.run(page).response["violations"]:
                found += [f"{name}: {violation['id']}: {node['html'][:200]}" for node in violation["nodes"]]
            if (width := page.evaluate("document.documentElement.scrollWidth")) > VIEWS[view][1]:
                found.append(f"{name}: is {width} wide")
    assert found == []
