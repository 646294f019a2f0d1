"""What JupyterLab leaves in a notebook when it is run and saved, taken out again."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat

from workbench.errors import WorkFailed
from workbench.execution.notebook.reading import read_notebook
from workbench.files import write_whole

# What front ends and runners note about an execution, and how they showed a cell.
_OF_A_RUN = (
    "execution", "ExecuteTime", "executionInfo", "papermill", "collapsed", "scrolled", "outputId", "vscode", "trusted",
)  # fmt: skip
_OF_A_NOTEBOOK = ("widgets", "papermill", "vscode", "signature", "trusted")


def tidy(path: Path) -> list[str]:
    """Bring a notebook into the form in which it is committed; return what was done, nothing if it was in it.

    Outputs, execution counts and what is noted of an execution go; sources, tags, names and attachments stay as they
    are. Cells get an id where they have none, or that of another, and the file is laid out as Jupyter saves it. It is
    replaced at once, or not at all.

    Raises:
        UsageError: it is no notebook.
        WorkFailed: it can't be written, or somebody else wrote it meanwhile.
    """
    before = path.read_bytes() if path.is_file() else b""
    read_notebook(path)
    text = before.decode("utf-8-sig")
    # Not `nbformat.reads` for its own format: it gives cells other ids on its way, and says nothing of it.
    node = nbformat.v4.reads(text) if _is_current(text) else nbformat.reads(text, as_version=4)
    done = [f"{what} of {_cells(count)}" for what, count in _tidy_cells(node).items() if count]
    if _tidy_notebook(node):
        done.append("metadata of the notebook")
    if not done:
        if is_laid_out(path):
            return []
        done.append("layout of the file")
    _replace(path, before, _laid_out(node))
    return done


def is_laid_out(path: Path) -> bool:
    """Whether a notebook's file is laid out as Jupyter saves it, so that a save there changes no line by itself.

    One of an older format is asked for nothing.
    """
    before = path.read_bytes()
    text = before.decode("utf-8-sig")
    if not _is_current(text):
        return True
    try:
        return _laid_out(nbformat.v4.reads(text)).encode() == before
    except UnicodeEncodeError:
        # Half a surrogate pair, which a file holds in an escape alone.
        return True


def _is_current(text: str) -> bool:
    return bool(json.loads(text).get("nbformat") == 4)


def _laid_out(node: Any) -> str:
    return str(nbformat.v4.writes(node)).rstrip() + "\n"


def _tidy_cells(node: Any) -> Counter[str]:
    done = Counter({"outputs": 0, "execution counts": 0, "metadata": 0, "ids": 0})
    known: set[str] = set()
    with_ids = (node.nbformat, node.nbformat_minor) >= (4, 5)
    for cell in node.cells:
        if cell.cell_type == "code":
            done["outputs"] += bool(cell.get("outputs"))
            done["execution counts"] += cell.get("execution_count") is not None
            cell.outputs, cell.execution_count = [], None
        stale = [name for name in _OF_A_RUN if name in cell.metadata]
        for name in stale:
            del cell.metadata[name]
        jupyter = cell.metadata.get("jupyter")
        if isinstance(jupyter, dict) and "outputs_hidden" in jupyter:
            stale.append("jupyter")
            del jupyter["outputs_hidden"]
            if not jupyter:
                del cell.metadata["jupyter"]
        done["metadata"] += bool(stale)
        if with_ids:
            if not cell.get("id") or cell.id in known:
                cell.id = secrets.token_hex(4)
                done["ids"] += 1
            known.add(cell.id)
    return done


def _tidy_notebook(node: Any) -> bool:
    """Leave of the kernel and its language what is needed to run it; return whether there was more."""
    metadata = node.metadata
    stale = [name for name in _OF_A_NOTEBOOK if name in metadata]
    for name in stale:
        del metadata[name]
    language = metadata.get("language_info")
    if isinstance(language, dict) and set(language) > {"name"}:
        stale.append("language_info")
        metadata["language_info"] = nbformat.from_dict({"name": language["name"]})
    kernel = metadata.get("kernelspec")
    if isinstance(kernel, dict) and kernel.get("display_name") == "Python 3 (ipykernel)":
        # That name depends on how the kernel was installed.
        stale.append("kernelspec")
        kernel["display_name"] = "Python 3"
    return bool(stale)


def _replace(path: Path, before: bytes, text: str) -> None:
    target = path.resolve()

    def write(part: Path) -> None:
        part.write_text(text, encoding="utf-8")
        part.chmod(target.stat().st_mode & 0o7777)
        if target.read_bytes() != before:
            raise WorkFailed(f"{path} was written by somebody else just now; try again")

    try:
        write_whole(target, write)
    except OSError as problem:
        raise WorkFailed(f"can't write {path}: {problem.strerror or problem}") from None


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
