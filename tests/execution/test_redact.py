"""A secret's value appears nowhere that a run leaves behind."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.execution.redact import BLOT, Redactor, Secret

VALUE = 'p"a&s/s\nword é'


def test_every_form_a_value_takes_is_blotted_out() -> None:
    redactor = Redactor([VALUE])
    for form in (
        VALUE,
        html.escape(VALUE),
        quote(VALUE),
        quote(VALUE, safe=""),
        json.dumps(VALUE)[1:-1],
    ):
        assert redactor.text(f"a {form} b") == f"a {BLOT} b"


def test_a_notebook_is_cleaned_and_stays_valid_whatever_the_secret_is() -> None:
    cell = nbformat.v4.new_code_cell("x = 'code'", outputs=[nbformat.v4.new_output("stream", text="code 5")])
    cell.outputs.append(nbformat.v4.new_output("display_data", {"application/json": {"code": ["code"]}}))
    cell.metadata["note"] = "code"
    node = nbformat.v4.new_notebook(cells=[cell])
    node.metadata["papermill"] = {"parameters": {"x": "code"}}
    clean = Redactor(["code"]).notebook(node)
    nbformat.validate(clean)
    assert "code" not in json.dumps([clean.cells[0].source, clean.cells[0].outputs, clean.metadata])
    assert node.cells[0].source == "x = 'code'"


@given(st.text("abc&<'\"\\ é\n", min_size=1), st.text("xyz"))
def test_a_secret_goes_and_all_else_stays(value: str, around: str) -> None:
    assert Redactor([value]).text(around + value + around) == around + BLOT + around


def test_a_secret_never_shows_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    secret = Secret("env:SHOP_TOKEN")
    assert "hunter2" not in f"{secret} {secret!r}" and secret.reveal() == "hunter2"
