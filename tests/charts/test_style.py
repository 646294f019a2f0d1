"""A chart shows itself as a picture and in words, whatever stands on it."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.axes import Axes

from workbench.charts.style import Chart, new_figure, plot_style, short_name


def chart(title: str) -> tuple[Chart, Axes]:
    with plot_style():
        figure = new_figure(4, 2)
        axes = figure.subplots()
        axes.set_title(title)
    return figure, axes


def test_the_words_tell_from_when_to_when_the_highest_and_the_lowest() -> None:
    figure, axes = chart("Sales")
    axes.plot(pd.date_range("2024-01-01", periods=3), [5, 12345.6, -2], label="net")
    assert figure.description == (
        "Sales: net from 2024-01-01 to 2024-01-03, highest 12,346 at 2024-01-02, lowest -2 at 2024-01-03."
    )
    data, metadata = figure._repr_png_()
    assert data.startswith(b"\x89PNG") and metadata == {"alt": figure.description}
    assert figure._repr_svg_() is None and figure.description in repr(figure)


def test_bars_are_told_by_their_names_the_longest_first() -> None:
    figure, axes = chart("People")
    axes.barh(list("abcdefg"), [1, 2, 7, 4, 5, 6, 3])
    assert figure.description == "People: 7 bars: c 7, f 6, e 5, d 4, g 3, … down to a 1."


def test_a_chart_may_say_it_itself() -> None:
    figure, _ = chart("x")
    figure.alt = "What it means."
    assert figure._repr_png_()[1] == {"alt": "What it means."}


def test_names_with_dollars_and_of_any_script_are_drawn_as_they_are(recwarn: pytest.WarningsRecorder) -> None:
    figure, axes = chart(r"Cost $5 and $\frac")
    axes.barh(["a $x$", "b"], [1, 2])
    assert figure._repr_png_()[0] and figure._repr_svg_() is None
    figure, axes = chart("كتاب 日本")
    svg, metadata = figure._repr_svg_() or ("", {})
    assert "日本" in svg and metadata == {"alt": "كتاب 日本."}
    assert not [each for each in recwarn if "missing from" in str(each.message)]


def test_long_names_keep_both_ends() -> None:
    assert short_name("short\n name") == "short name" and short_name(" ") == "(no name)"
    long = short_name("An uncommonly long name of a department, part 2 of 3")
    assert len(long) == 30 and long.startswith("An uncommonly") and long.endswith("part 2 of 3")
