"""Each kind of alert that is raised anywhere has a section that says what to do."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from workbench.governance.alerts import KINDS

ROOT = Path(__file__).resolve().parents[2]


def kinds_in(source: str) -> set[str]:
    """Return the kinds of the alerts that a source raises; a name stands for the module's constant."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Alert":
            kind = node.args[0]
            found.add(kind.value if isinstance(kind, ast.Constant) else constants[ast.unparse(kind)])
    return found


def test_every_kind_has_a_section() -> None:
    page = (ROOT / "docs" / "operations" / "alerts.md").read_text()
    sections = re.split(r"(?m)^## ", page.partition("# Runbooks of the alerts")[2])[1:]
    assert [section.partition("\n")[0] for section in sections] == list(KINDS)
    for section in sections:
        assert section.partition("\n\n")[2].startswith("Seen: "), section


def test_every_alert_that_is_raised_is_of_a_known_kind() -> None:
    raised = {kind for path in (ROOT / "workbench").rglob("*.py") for kind in kinds_in(path.read_text())}
    for path in (ROOT / "pipeline_notebooks").rglob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "code" and "Alert(" in (source := "".join(cell["source"])):
                raised |= kinds_in(source)
    assert raised == set(KINDS)
