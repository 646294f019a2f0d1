"""What JupyterLab leaves in a notebook is taken out, and nothing else is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tests.execution.notebooks import notebook, pipeline
from tests.kernel_sockets import AsyncSocketKernelManager
from workbench.errors import UsageError, WorkFailed
from workbench.execution.notebook import tidy as module
from workbench.execution.notebook.tidy import tidy
from workbench.execution.pipeline.contract import check_pipeline
from workbench.execution.pipeline.pipeline import load_pipeline

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("pipeline_notebooks/*/*.ipynb")])


def as_saved(path: Path) -> None:
    """Run all cells and save, with all that JupyterLab and others note."""
    node = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(node, record_timing=True, kernel_manager_class=AsyncSocketKernelManager).execute()
    node.metadata["language_info"] |= {"version": "3.11.7", "file_extension": ".py"}
    node.metadata["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"
    }  # fmt: skip
    node.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    for cell in node.cells:
        cell.metadata |= {"scrolled": True, "collapsed": False}
        cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), "outputs_hidden": True}
    nbformat.write(node, path)


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A committed notebook with a tag, a name and a picture, run and saved."""
    path = notebook(tmp_path / "shop" / "take.ipynb", "print(limit)\n1 + 1", "")
    pipeline(tmp_path / "shop", {"take": {"reads": ["landing"]}})
    node = nbformat.read(path, as_version=4)
    node.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        | {"language_info": {"name": "python"}}
    )
    node.cells[0]["attachments"] = {"a.png": {"image/png": "aGk="}}
    node.cells[1].metadata |= {"name": "imports", "jupyter": {"source_hidden": True}}
    path.write_text(nbformat.writes(node).rstrip() + "\n")
    return path


def test_run_and_saved_and_mended_it_is_what_was_committed(stage: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(stage.parent)
    before = stage.read_bytes()
    stage.chmod(0o640)
    as_saved(stage)
    found = check_pipeline(load_pipeline(stage.parent))
    assert len(found) > 3 and all(finding.mendable for finding in found)
    done = tidy(stage)
    assert stage.read_bytes() == before and stage.stat().st_mode & 0o777 == 0o640
    assert [each.partition(" of ")[0] for each in done] == [
        "outputs", "execution counts", "metadata", "metadata",
    ]  # fmt: skip
    assert check_pipeline(load_pipeline(stage.parent)) == [] and tidy(stage) == []
    assert list(stage.parent.glob(".*")) == []


def test_ids_that_are_missing_or_twice_are_given_anew_and_older_formats_have_none(stage: Path) -> None:
    content = json.loads(stage.read_text())
    first, second, third = (cell["id"] for cell in content["cells"][:3])
    content["cells"][1]["id"] = first
    del content["cells"][2]["id"]
    stage.write_text(json.dumps(content))
    assert tidy(stage) == ["ids of 2 cells"]
    ids = [cell["id"] for cell in json.loads(stage.read_text())["cells"]]
    assert len(set(ids)) == len(ids) and ids[0] == first and second not in ids[:2] and third not in ids
    content = json.loads(stage.read_text())
    content["nbformat_minor"] = 4
    for cell in content["cells"]:
        del cell["id"]
    stage.write_text(json.dumps(content, indent=4))
    assert tidy(stage) == ["layout of the file"] and tidy(stage) == []
    assert not any("id" in cell for cell in json.loads(stage.read_text())["cells"])


def test_a_file_in_another_layout_is_found_and_saved_as_jupyter_would(stage: Path) -> None:
    committed, content = stage.read_bytes(), json.loads(stage.read_text())
    for cell in content["cells"]:
        cell["source"] = cell.pop("source")
        if cell["cell_type"] == "code":
            cell["outputs"] = cell.pop("outputs")
    other = {**content, "metadata": content["metadata"]}
    for text in (
        json.dumps(other, indent=1),
        committed.decode().rstrip(),
        committed.decode().replace("\n", "\r\n"),
    ):
        stage.write_bytes(text.encode())
        (finding,) = check_pipeline(load_pipeline(stage.parent))
        assert finding.mendable and "isn't laid out as Jupyter saves it" in str(finding)
        assert tidy(stage) == ["layout of the file"] and stage.read_bytes() == committed
    content["cells"][0]["source"] = ["# Half \ud83d"]
    stage.write_text(json.dumps(content))
    assert tidy(stage) == []


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_what_is_committed_is_in_this_form(path: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(path, tmp_path))
    assert tidy(copied) == []


def test_a_link_stays_a_link_and_a_bad_file_is_left_alone(stage: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.ipynb"
    link.symlink_to(stage)
    content = json.loads(stage.read_text())
    content["cells"][1]["execution_count"] = 7
    stage.write_text(json.dumps(content))
    assert tidy(link) == ["execution counts of 1 cell"] and link.is_symlink()
    for text in ("{", "[]", '{"nbformat": 3, "worksheets": []}'):
        stage.write_text(text)
        with pytest.raises(UsageError):
            tidy(stage)
        assert stage.read_text() == text


def test_what_somebody_else_writes_meanwhile_is_not_lost(stage: Path) -> None:
    content = json.loads(stage.read_text())
    content["cells"][1]["execution_count"] = 7
    stage.write_text(json.dumps(content))
    before = stage.read_bytes()
    stage.write_text("theirs")
    with pytest.raises(WorkFailed, match="somebody else"):
        module._replace(stage, before, "ours")
    assert stage.read_text() == "theirs"
    assert not [path for path in stage.parent.iterdir() if path.name.startswith(".")]
