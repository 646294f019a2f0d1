"""The pages: results first, code folded, errors on top, and nothing fetched from anywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import new_run, save
from workbench.execution.reports.pages import (
    index_page,
    run_page,
    stage_page,
    write_index,
    write_run_page,
    write_stage,
)
from workbench.settings import Settings

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HOSTILE = (
    '<script src="https://cdn.example/x.js"></script><script>alert(1)</script>'
    '<link rel="stylesheet" href="https://cdn.example/x.css"><img src="https://cdn.example/x.png" alt="far">'
    '<iframe src="//cdn.example"></iframe><style>@import url(https://cdn.example/y.css);</style>'
    '<p style="background:url(\'https://cdn.example/z.png\')" onclick="alert(2)">kept &amp; safe</p>'
)
REMOTE = re.compile(
    r"""(src|srcset|poster|data)\s*=\s*["']?(https?:)?//|<link[^>]+href=["']?(https?:)?//"""
    r"""|@import|url\(\s*["']?(https?:)?//|<script""",
    re.IGNORECASE,
)


def node() -> Any:
    table = (
        '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>store</th>'
        "<th>net</th></tr></thead><tbody><tr><th>0</th><td>Köln</td><td>1,200.5</td></tr></tbody></table>"
    )
    parameters = new_code_cell("limit: int = 5")
    parameters.metadata["tags"] = ["parameters"]
    return nbformat.v4.new_notebook(
        cells=[
            new_markdown_cell(
                "# Sell *things*\n\nWhat was sold.\n\n**Reads** `landing`\n\n**Writes** nothing"
            ),
            new_code_cell("import pandas"),
            parameters,
            new_markdown_cell("## By store\n\nSee [the docs](https://example.com/docs)."),
            new_code_cell(
                "sales", outputs=[new_output("display_data", {"text/html": table, "text/plain": "x"})]
            ),
            new_code_cell("plot()", outputs=[new_output("display_data", {"image/png": PIXEL})]),
            new_code_cell("web()", outputs=[new_output("display_data", {"text/html": HOSTILE})]),
            new_code_cell(
                "print()", outputs=[new_output("stream", name="stderr", text="\x1b[31mcareful\x1b[0m <b>")]
            ),
        ]
    )


@pytest.fixture
def run(settings: Settings) -> Run:
    run = new_run("shop", settings)
    stage = StageRun(
        name="sell", source=Path("/nowhere/sell.ipynb"), parameters={"limit": "<5>"}, tables={"a": 1200}
    )
    run.stages = [stage, StageRun(name="late", source=Path("/nowhere/late.ipynb"), state="not_run")]
    run.begin()
    stage.begin()
    stage.end("succeeded")
    stage.report = stage_page(run, stage, settings)
    run.end("failed", "late: broke")
    run.report = run_page(run, settings)
    save(run, settings)
    write_stage(run, stage, node(), settings)
    write_run_page(run, settings)
    write_index(settings)
    return run


def test_a_page_shows_results_and_folds_code(run: Run, settings: Settings) -> None:
    page = stage_page(run, run.stages[0], settings).read_text()
    assert "<title>Sell things</title>" in page and '<h1 dir="auto">Sell things</h1>' in page
    assert page.index("K\u00f6ln") < page.index('<span class="n">sales</span>')
    soup = BeautifulSoup(page, features="html.parser")
    for folded in soup.find_all("details"):
        folded.decompose()
    unfolded = str(soup)
    assert 'class="highlight' not in unfolded and "Reads" not in unfolded
    assert "What was sold." in unfolded and "K\u00f6ln" in unfolded and "careful" in unfolded
    assert f"data:image/png;base64,{PIXEL}" in page and "&lt;5&gt;" in page
    assert re.search(r'<td class="text">\s*K', page) and re.search(r"<td>1,200.5", page)


def test_no_page_fetches_or_runs_anything(run: Run, settings: Settings) -> None:
    pages = list(settings.site.rglob("*.html"))
    assert len(pages) == 3
    for page in pages:
        text = page.read_text()
        assert not REMOTE.search(text)
        assert "default-src 'none'" in text and "onclick" not in text
    page = stage_page(run, run.stages[0], settings).read_text()
    assert "kept &amp; safe" in page and 'href="https://example.com/docs"' in page


def test_the_index_lists_runs_newest_first_with_links_that_lead_somewhere(
    run: Run, settings: Settings
) -> None:
    older = new_run("earlier", settings)
    older.run_id = "20000101T000000Z-000000"
    older.begin()
    older.end("succeeded")
    save(older, settings)
    write_index(settings)
    text = index_page(settings).read_text()
    assert text.index("shop") < text.index("earlier")
    assert "1,200" in text and "not run" in text and "failed" in text
    for page in (index_page(settings), run_page(run, settings), stage_page(run, run.stages[0], settings)):
        links = re.findall(r'href="(?!data:|https?:|#)([^"]+)"', page.read_text())
        assert links and all((page.parent / link).is_file() for link in links)


def test_an_error_stands_on_top_and_leads_to_its_cell(run: Run, settings: Settings) -> None:
    broken = node()
    broken.cells[4].metadata["papermill"] = {"status": "failed"}
    broken.cells[5].metadata["papermill"] = {"status": "pending"}
    stage = run.stages[0]
    stage.end("failed", "KeyError: 'XYZ' <b>")
    write_stage(run, stage, broken, settings)
    page = stage_page(run, stage, settings).read_text()
    assert page.index("KeyError: &#39;XYZ&#39; &lt;b&gt;") < page.index("What was sold.")
    assert 'href="#failed"' in page and 'id="failed"' in page and "(not run)" in page


@pytest.mark.browser
def test_pages_open_offline_in_a_browser(run: Run, settings: Settings) -> None:
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("no /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=180_000)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.set_default_timeout(180_000)
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(index_page(settings).as_uri())
        page.get_by_role("link", name="report").click()
        assert page.locator("h1").inner_text() == "Sell things"
        assert page.locator("img").first.evaluate("image => image.naturalWidth") == 1
        assert not page.get_by_text("import pandas").is_visible()
        page.get_by_text("about this notebook").click()
        page.get_by_text("code", exact=True).first.click()
        assert page.get_by_text("import pandas").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
    assert all(url.startswith(("file:", "data:")) for url in asked) and wrong == []


@pytest.mark.parametrize(
    ("printed", "is_prose"),
    [
        ("122 days left their expected range. " * 5, True),
        ("Two sentences.\n    An indented one.\n", True),
        ("name    rows\nsold       3\n", False),
        ("a\tb\n", False),
        ("+---+\n| a |\n+---+\n", False),
        ("┌───┐\n│ a │\n└───┘\n", False),
        ("100%|██████████| 5/5\n", False),
    ],
)
def test_printed_sentences_wrap_and_columns_keep_their_place(
    run: Run, settings: Settings, printed: str, is_prose: bool
) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[new_code_cell("print(...)", outputs=[new_output("stream", name="stdout", text=printed)])]
    )
    write_stage(run, run.stages[0], notebook, settings)
    page = BeautifulSoup(stage_page(run, run.stages[0], settings).read_text(), "html.parser")
    (told,) = page.select(".output pre")
    assert ("prose" in (told.get("class") or [])) == is_prose
    assert told.get("tabindex") is None or not is_prose
