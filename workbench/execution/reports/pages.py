"""Pages for people: one for each executed notebook, one for each run, and an index. They open offline."""

from __future__ import annotations

import copy
import os
import re
import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.execution.notebook.notebook import INJECTED
from workbench.execution.notebook.reading import mend
from workbench.execution.notebook.recording import MIME as RECORDED
from workbench.execution.parameters.declarations import TAG, has_tag
from workbench.execution.records.model import Run, StageRun
from workbench.execution.records.store import list_runs, run_ids
from workbench.execution.reports.accessible import accessible
from workbench.execution.reports.cells import render_cells
from workbench.execution.reports.jinja import as_markup, templates
from workbench.files import write_text
from workbench.settings import Settings

if TYPE_CHECKING:
    pass

LISTED = 100
_PICTURES = ("image/png", "image/jpeg")
_TITLE = re.compile(r"\A\s*#\s+(.+?)\s*#*\s*$", re.MULTILINE)
_OTHER_HEADINGS = re.compile(r"^ {0,3}(?:#(?!#\s)|=+\s*$|-+\s*$)", re.MULTILINE)
_OWN_COLOURS = re.compile(r"\x1b\[[\d;]*[34]8;")
_FOR_ENGINEERS = re.compile(r"^\s*(?:[-*]\s+)?\*\*Reads\b", re.MULTILINE)
_NOT_SHOWN = (
    "<p class=\"missing\">This notebook's cells couldn't be shown ({}). It is kept as <code>{}</code>.</p>"
)
_index = threading.Lock()
# Whoever held it in the parent isn't there to release it.
os.register_at_fork(after_in_child=lambda: _index._at_fork_reinit())  # type: ignore[attr-defined]


def index_page(settings: Settings) -> Path:
    """Return the file of the index of all runs."""
    return settings.site / "index.html"


def run_page(run: Run, settings: Settings) -> Path:
    """Return the file of a run's page."""
    return settings.page(run.run_id)


def stage_page(run: Run, stage: StageRun, settings: Settings) -> Path:
    """Return the file of an executed notebook's page."""
    return settings.site / run.run_id / f"{stage.name}.html"


def write_stage(run: Run, stage: StageRun, node: Any, settings: Settings) -> None:
    """Render an executed notebook: results first, code folded, an error on top; it fetches nothing.

    What can't be rendered is replaced by words that say so.

    Raises:
        OSError: the page can't be written.
    """
    title = stage.name
    try:
        node = mend(copy.deepcopy(node))
        title = _take_title(node) or title
        _fold_setup(node)
        body = render_cells(node, stage.source.parent)
        if not _is_plain(node):
            body = accessible(body)
    except Exception as error:
        # The facts of the stage are worth a page in any case.
        body = _NOT_SHOWN.format(
            escape(f"{type(error).__name__}: {error}"[:500]), escape(str(stage.notebook))
        )
    text = (
        templates()
        .get_template("stage.html.j2")
        .render(
            run=run, stage=stage, title=title, body=as_markup(body), has_failed_cell='id="failed"' in body
        )
    )
    write_text(stage_page(run, stage, settings), text)


def write_run_page(run: Run, settings: Settings) -> None:
    """Render the page of a run: its facts and its stages."""
    text = templates().get_template("run.html.j2").render(run=run, title=f"{run.pipeline}, {run.run_id}")
    write_text(run_page(run, settings), text)


def write_index(settings: Settings) -> None:
    """Render the index of all runs, newest first."""
    total = len(run_ids(settings))
    with _index:
        runs = list_runs(settings, LISTED)
        text = templates().get_template("index.html.j2").render(runs=runs, total=total, title="Runs")
        write_text(index_page(settings), text)


def _take_title(node: Any) -> str | None:
    """Return the heading a notebook begins with, and take it out."""
    for cell in node["cells"][:1]:
        if cell["cell_type"] == "markdown" and (found := _TITLE.search(cell["source"])):
            cell["source"] = cell["source"][found.end() :].lstrip("\n")
            return found[1].replace("`", "").replace("*", "")
    return None


def _fold_setup(node: Any) -> None:
    """Mark the cells to fold away: the header's part for engineers, imports, parameters, what is handed over."""
    cells = node["cells"]
    if cells and cells[0]["cell_type"] == "markdown" and (found := _FOR_ENGINEERS.search(cells[0]["source"])):
        rest = copy.deepcopy(cells[0])
        rest["source"] = cells[0]["source"][found.start() :]
        rest["id"] = "for-engineers"
        cells[0]["source"] = cells[0]["source"][: found.start()]
        cells.insert(1, rest)
    last = max((i for i, c in enumerate(cells) if has_tag(c, TAG) or has_tag(c, INJECTED)), default=0)
    quiet = all(not cell.get("outputs") for cell in cells[1 : last + 1])
    node["metadata"]["setup"] = last if quiet else 0
    for index, cell in enumerate(cells[last + 1 :], last + 1):
        if _hands_over(cell):
            before = cells[index - 1]
            led = index > last + 1 and before["cell_type"] == "markdown" and "#" not in before["source"]
            before["metadata"]["opens"] = led
            cell["metadata"]["opens"], cell["metadata"]["closes"] = not led, True


def _hands_over(cell: Any) -> bool:
    """Return whether all that a cell shows is what it handed to the run's record."""
    outputs = cell.get("outputs", [])
    return bool(outputs) and all(RECORDED in output.get("data", {}) for output in outputs)


def _is_plain(node: Any) -> bool:
    """Return whether all in a notebook is text or described pictures, which the exporter escapes or encodes."""
    for cell in node["cells"]:
        if cell["cell_type"] != "code" and (
            cell.get("attachments")
            or re.search(r"[<!&\[]", cell["source"])
            or _OTHER_HEADINGS.search(cell["source"])
        ):
            return False
        for output in cell.get("outputs", []):
            if _OWN_COLOURS.search(str(output.get("text", "")) + "".join(output.get("traceback", []))):
                return False
            described = {kind for kind in _PICTURES if output.get("metadata", {}).get(kind, {}).get("alt")}
            if not output.get("data", {}).keys() <= {"text/plain", *described}:
                return False
    return True
