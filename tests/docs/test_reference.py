"""What the documents say of the program is what the program is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scripts.reference import COMMAND, ROOT, described, pages
from workbench.schema import TABLES
from workbench.settings import Settings


@pytest.mark.parametrize("path", sorted(pages()), ids=str)
def test_generated_text_is_in_step_with_the_program(path: Path) -> None:
    file = ROOT / path
    assert file.is_file(), f"{path} is missing; write it with: {COMMAND}"
    assert file.read_text(encoding="utf-8") == pages()[path], (
        f"{path} is out of step; write it with: {COMMAND}"
    )


def test_no_page_tells_of_the_machine_it_was_written_on() -> None:
    for path, text in pages().items():
        assert str(ROOT) not in text and str(Path.home()) + "/" not in text, path


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_descriptions_come_from_the_declarations_and_tests_stay() -> None:
    written = """version: 2

models:
  # a reason
  - name: dim_store
    description: something else
    data_tests:
      - interval_not_inverted
    columns:
      - name: name
        description: something else
        data_tests: [unique]
"""
    (model,) = yaml.safe_load(described(written))["models"]
    table = TABLES["core.dim_store"]
    assert "# a reason" in described(written) and described(described(written)) == described(written)
    assert model["description"] == table.comment and model["data_tests"] == ["interval_not_inverted"]
    assert [(each["name"], each["description"]) for each in model["columns"]] == [
        (column.name, column.comment) for column in table.columns
    ]
    assert [each["name"] for each in model["columns"] if each.get("data_tests") == ["unique"]] == ["name"]
    with pytest.raises(ValueError, match=r"core\.dim_store has no column gone"):
        described(written.replace("- name: name", "- name: gone"))
