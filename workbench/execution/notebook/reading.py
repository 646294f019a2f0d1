"""Notebooks read as people's programs have written them: of older formats, with odd metadata, or none at all.

What a notebook's format forbids and no cell's result depends on is mended in what is read, never in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.execution.notebook.events import clean, storable

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KEPT = {
    "code": {"cell_type", "id", "metadata", "source", "outputs", "execution_count"},
    "markdown": {"cell_type", "id", "metadata", "source", "attachments"},
    "raw": {"cell_type", "id", "metadata", "source", "attachments"},
}
_FACTS: dict[str, type] = {"jupyter": dict, "papermill": dict, "collapsed": bool, "deletable": bool}
_OUTPUTS = ("stream", "display_data", "execute_result", "error")


def read_notebook(path: Path) -> dict[str, Any]:
    """Return a notebook's JSON, as one of format 4.

    Raises:
        UsageError: there is no such file, or it is no notebook.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"no notebook {path}") from None
    except UnicodeDecodeError:
        raise UsageError(f"can't read the notebook {path}: it is no UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"can't read the notebook {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"can't read the notebook {path}: it is no JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise UsageError(f"{path} is no Jupyter notebook")
    if content["nbformat"] < 4:
        content = _upgraded(content, path)
    if content["nbformat"] > 4:
        raise UsageError(f"{path} is of notebook format {content['nbformat']}; formats up to 4 can be read")
    if not isinstance(content.get("cells"), list):
        raise UsageError(f"{path} is no Jupyter notebook: it has no cells")
    for number, cell in enumerate(content["cells"]):
        if problem := _problem(cell):
            raise UsageError(f"{path} is no Jupyter notebook of format 4: cell {number} {problem}")
    return mend(storable(content))


def _upgraded(content: dict[str, Any], path: Path) -> dict[str, Any]:
    from workbench.libraries.slim_imports import import_nbformat

    import_nbformat()
    import nbformat

    try:
        # Its own reader joins the lines in which programs of the time wrote texts.
        old = nbformat.versions[content["nbformat"]].to_notebook_json(content)
        upgraded: dict[str, Any] = nbformat.convert(old, 4)
    except Exception as error:
        # It goes wrong in whatever way the file is.
        raise UsageError(
            f"{path} is of notebook format {content['nbformat']}, and can't be brought to format 4: "
            f"{type(error).__name__}: {error}"
        ) from None
    return upgraded


def _problem(cell: Any) -> str | None:
    if not isinstance(cell, dict):
        return "is none"
    if cell.get("cell_type") not in _KEPT:
        return f"is of type {cell.get('cell_type')!r}, and not code, markdown or raw"
    source = cell.get("source")
    if not all(isinstance(line, str) for line in (source if isinstance(source, list) else [source])):
        return "has a source that is no text"
    return None


def mend(notebook: Any) -> Any:
    """Make a notebook node, or its JSON, keep to its format wherever nothing depends on it; return it."""
    minor = notebook.get("nbformat_minor")
    notebook["nbformat_minor"] = minor if isinstance(minor, int) and minor >= 0 else 5
    notebook["metadata"] = _metadata(notebook.get("metadata"))
    seen: set[str] = set()
    for number, cell in enumerate(notebook["cells"]):
        for name in cell.keys() - _KEPT[cell["cell_type"]]:
            del cell[name]
        if isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
        cell["metadata"] = _facts(cell.get("metadata"))
        if "id" in cell or notebook["nbformat_minor"] >= 5:
            name = cell.get("id")
            if not isinstance(name, str) or not _ID.fullmatch(name) or name in seen:
                cell["id"] = name = f"cell-{number}"
            while name in seen:
                cell["id"] = name = f"{name}-again"
            seen.add(name)
        if cell["cell_type"] == "code":
            cell["outputs"] = _outputs(cell.get("outputs"))
            count = cell.get("execution_count")
            cell["execution_count"] = count if isinstance(count, int) else None
        elif "attachments" in cell:
            cell["attachments"] = _attachments(cell["attachments"])
    return notebook


def _metadata(value: Any) -> Any:
    facts = value if isinstance(value, dict) else {}
    for name in ("papermill", "workbench", "widgets"):
        if not isinstance(facts.get(name, {}), dict):
            del facts[name]
    for name in ("kernelspec", "language_info"):
        named = facts.get(name)
        named = {"name": named} if isinstance(named, str) else named
        if not isinstance(named, dict):
            facts.pop(name, None)
            continue
        if named.get("name") is not None and not isinstance(named["name"], str):
            named["name"] = str(named["name"])
        facts[name] = named
    kernel, language = facts.get("kernelspec"), facts.get("language_info")
    if kernel is not None and kernel.get("name"):
        kernel.setdefault("display_name", kernel["name"])
    elif kernel is not None:
        if kernel.get("language") and not (language or {}).get("name"):
            facts["language_info"] = {**(language or {}), "name": str(kernel["language"])}
        del facts["kernelspec"]
    if "language_info" in facts and not facts["language_info"].get("name"):
        del facts["language_info"]
    return facts


def _facts(value: Any) -> Any:
    facts = value if isinstance(value, dict) else {}
    if "tags" in facts:
        tags = [facts["tags"]] if isinstance(facts["tags"], str) else facts["tags"]
        tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
        facts["tags"] = list(dict.fromkeys(tags))
    for name, kind in _FACTS.items():
        if not isinstance(facts.get(name, kind()), kind):
            del facts[name]
    if not facts.get("name", "a name") or not isinstance(facts.get("name", ""), str):
        del facts["name"]
    return facts


def _outputs(value: Any) -> list[Any]:
    """Return outputs, each with the fields that its kind has, and text in one piece."""
    found = []
    for output in value if isinstance(value, list) else []:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind not in _OUTPUTS:
            continue
        if kind == "stream":
            event = clean({"event": kind, "name": output.get("name"), "text": _joined(output.get("text"))})
            fields = {name: event[name] for name in ("name", "text")}
        elif kind == "error":
            event = clean({**output, "event": kind})
            fields = {name: event[name] for name in ("ename", "evalue", "traceback")}
        else:
            data = output.get("data")
            data = {mime: _joined(value) for mime, value in data.items()} if isinstance(data, dict) else {}
            event = clean({**output, "event": kind, "data": data})
            counted = ("execution_count",) if kind == "execute_result" else ()
            fields = {name: event[name] for name in ("data", "metadata", *counted)}
        found.append(type(output)({"output_type": kind, **fields}))
    return found


def _joined(value: Any) -> Any:
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if lines else value


def _attachments(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, bundle in value.items() if isinstance(value, Mapping) else ():
        data = {mime: _joined(value) for mime, value in bundle.items()} if isinstance(bundle, dict) else {}
        if data := {mime: value for mime, value in data.items() if isinstance(value, str)}:
            found[name] = data
    return found
