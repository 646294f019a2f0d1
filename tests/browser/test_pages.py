"""Every page can be used by everyone: axe-core finds nothing, on a large screen, in the dark and on a telephone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from workbench.numbers import count, money
from workbench.warehouse import connect

from .conftest import ODD, Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEWS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "light": ("light", 1280, {}),
    "dark": ("dark", 1280, {"runOnly": ["color-contrast", "link-in-text-block"]}),
    "phone": ("light", 390, {"rules": {"color-contrast": {"enabled": False}}}),
}
"""Scheme, width in pixels, and what axe is asked for; the dark view differs from the light in colours alone."""

KINDS = {
    "index", "retail_etl report", "retail_etl ingest", "retail_etl run", "anomaly_detection report", "gallery gallery",
    "failing failing failed",
}  # fmt: skip
"""Pages that axe looks at in every view: one of each kind. That the others are no wider is looked at of all."""

UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true })"


@contextmanager
def opened(chromium: Any, path: Path, width: int = 1280) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(180_000)
    page = context.new_page()
    page.goto(path.as_uri())
    yield page
    context.close()


def test_all_kinds_of_pages_are_there(site: Site) -> None:
    stages = ("ingest", "customers", "products", "transactions", "marts", "report", "run", "ingest failed")
    expected = {f"retail_etl {name}" for name in stages}
    expected |= {f"anomaly_detection {name}" for name in ("train_sales", "detect_sales", "report", "run")}
    assert {*expected, "index", "gallery gallery", "failing failing failed"} <= site.pages.keys()


def test_axe_finds_nothing_in_any_view_and_no_page_scrolls_sideways(site: Site, chromium: Any) -> None:
    found = []
    for name, path in site.pages.items():
        with opened(chromium, path) as page:
            page.evaluate(UNFOLD)
            page.evaluate(Axe().axe_script)
            for view, (scheme, width, options) in VIEWS.items():
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
                    found.append(f"{name}, {view}: {needed} pixels wide")
                if view != "light" and name not in KINDS:
                    continue
                results = page.evaluate(
                    "options => axe.run(options)", {"resultTypes": ["violations"], **options}
                )
                for each in results["violations"]:
                    found += [f"{name}, {view}: {each['id']}: {node['html'][:200]}" for node in each["nodes"]]
    assert found == []


def test_every_page_can_be_read_aloud(site: Site) -> None:
    for name, path in site.pages.items():
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), features="html.parser")
        levels = [int(heading.name[1]) for heading in soup.find_all(re.compile("h[1-6]"))]
        steps = [later - earlier for earlier, later in itertools.pairwise(levels)]
        assert levels[0] == 1 and levels.count(1) == 1 and max(steps, default=0) <= 1, name
        assert soup.html and soup.html["lang"] == "en" and soup.title and soup.title.get_text().strip(), name
        assert all(len(str(picture["alt"])) > 20 for picture in soup.find_all("img")), name


def test_charts_of_stages_say_what_they_show(site: Site) -> None:
    said = []
    for name in ("retail_etl report", "anomaly_detection report"):
        soup = BeautifulSoup(site.pages[name].read_text(encoding="utf-8"), features="html.parser")
        said += [str(picture["alt"]) for picture in soup.find_all("img")]
    assert len(said) == 6
    for pattern in (
        r"^Net sales by week, USD: .* from 2024-.*, highest .* at .*, lowest .* at .*",
        r"^Departments by net sales, USD.*bars:",
        r"^People by segment: \d+ bars: \w+",
        r"[Ss]essions",
        r"[Rr]eadings|series",
        r"^Sales by day, one panel a department\..*highest",
    ):
        assert any(re.search(pattern, each) for each in said), pattern


def test_a_plot_of_a_users_own_is_told_by_its_place(site: Site) -> None:
    soup = BeautifulSoup(site.pages["gallery gallery"].read_text(encoding="utf-8"), features="html.parser")
    plots = [str(each["alt"]) for each in soup.find_all("img") if not each.find_parent(class_="markdown")]
    assert "Chart 2 under “A heading too deep”, without a description" in plots


def test_the_keyboard_reaches_links_folds_and_what_scrolls(site: Site, chromium: Any) -> None:
    with opened(chromium, site.pages["index"], width=390) as page:
        reached = []
        for _ in range(4):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.tagName"))
        assert reached[:2] == ["SUMMARY", "A"] or reached[0] == "SUMMARY"
        summary = page.locator("summary").last
        summary.focus()
        before = summary.evaluate("each => each.parentElement.open")
        page.keyboard.press("Enter")
        assert summary.evaluate("each => each.parentElement.open") != before
        assert page.locator("summary a").count() == 0
    with opened(chromium, site.pages["retail_etl report"], width=390) as page:
        frame = page.get_by_role("group", name="Table: Best-selling products")
        frame.focus()
        assert frame.evaluate("each => each.scrollWidth > each.clientWidth")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("each => each.scrollLeft > 0", arg=frame.element_handle())
        assert frame.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"


def test_a_page_for_managers_shows_no_engineering_and_the_right_figures(site: Site, chromium: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(site.home))
        (sold,) = connect().query(
            "SELECT sum(net_amount_reporting) AS amount, count(*) AS lines, count(DISTINCT transaction_id) AS receipts, "
            "sum(CASE WHEN conversion_status = 'no_rate' THEN 1 ELSE 0 END) AS no_rate FROM core.fact_transactions"
        ).to_pylist()  # fmt: skip
        best = connect().query(
            "SELECT product_id, sum(net_amount_reporting) AS amount FROM core.fact_transactions "
            "GROUP BY product_id ORDER BY 2 DESC NULLS LAST, 1 LIMIT 1"
        ).to_pylist()[0]  # fmt: skip
    with opened(chromium, site.pages["retail_etl report"]) as page:
        text = page.locator("main").inner_text()
        for hidden in (
            "Hand the figures over",
            "import ",
            "Reads",
            "False",
            "True",
            "net_sales",
            "product_id",
        ):
            assert hidden not in text
        assert money(sold["amount"], "USD") in text and count(sold["receipts"]) in text
        assert f"{count(sold['no_rate'])}, which are in no sum here" in text and "XPF" in text
        row = page.get_by_role("group", name="Table: Best-selling products").get_by_role("row").nth(1)
        assert row.inner_text().split("\t")[0].strip() == best["product_id"]
        assert money(best["amount"]) in row.inner_text()
        for name in ODD[:1] + ODD[3:4]:
            assert name in text
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("details.code").first.is_visible()
        assert page.locator("details.code").count() > 10
