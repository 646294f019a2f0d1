"""Tables on the terminal: whole names and numbers at every width, and in a pipe."""

from __future__ import annotations

import pytest

from workbench.commands.tables import LongTable, show

NAMES = ("run", "pipeline", "rows", "why")
ROWS = [
    ("20261126T170634Z-569d5a", "anomaly_detection_of_a_long_name", "1,469,307", "it never ran"),
    (
        "20261126T170623Z-35df02",
        "käse",
        "7",
        "the notebook, parameter limit and 3 more changed since the last run",
    ),
]


@pytest.fixture(params=[200, 100, 80, 60, 40, 20, 5])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The columns of a terminal, on which rich believes to be."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setenv("FORCE_COLOR", "1")
    return int(request.param)


def test_no_word_is_cut_at_any_width(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    show(NAMES, ROWS, right=("rows",))
    lines = capsys.readouterr().out.splitlines()
    said = " ".join(lines).split()
    for row in [NAMES, *ROWS]:
        for word in " ".join(row).split():
            assert any(word in each for each in said), word
    assert "…" not in "".join(lines)


def test_a_pipe_gets_a_line_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    show(NAMES, ROWS, right=("rows",))
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == list(NAMES) and len(rows) == len(ROWS)
    for line, row in zip(rows, ROWS, strict=True):
        assert all(cell in line for cell in row)


def test_what_a_terminal_would_act_on_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    show(("a", "b"), [("\x1b[31mred\x07", "[bold]two\nlines[/]")])
    assert "\\x1b[31mred\\x07  [bold]two\\nlines[/]" in capsys.readouterr().out


def test_nothing_is_shown_as_nothing(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    show(("a", "b"), [])
    assert len(capsys.readouterr().out.splitlines()) <= 1


def test_a_long_table_has_its_names_once_and_cuts_no_word(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    table = LongTable(NAMES, right=("rows",))
    for row in ROWS:
        table.add([row])
    said = capsys.readouterr().out
    for row in ROWS:
        for word in " ".join(row).split():
            assert word in said, word
    assert said.count("pipeline") in (1, 2)
