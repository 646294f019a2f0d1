"""The figure that notebooks show: drawn without a display, in the house style, and described in words."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from workbench.charts.description import describe

QUIET = "#56616e"
LONGEST_NAME = 30

_STYLE: Any = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#b8c0c8",
    "axes.labelcolor": QUIET, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#e7eaee",
    "xtick.color": QUIET, "ytick.color": QUIET,
    "legend.frameon": False, "figure.facecolor": "white", "axes.facecolor": "white",
    # A name may hold a dollar sign; letters that no font here has are left to the browser.
    "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "workbench",
}  # fmt: skip


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw in the house style: quiet axes, one ink, colour for what matters."""
    with rc_context(_STYLE):
        yield


class Chart(Figure):
    """A matplotlib figure that shows itself as a picture, whatever backend the kernel has, and in words.

    It is a PNG, and an SVG too if it holds letters that no font here has. ``alt`` is its description; empty, it
    is read from what was drawn.
    """

    alt: str = ""
    _drawn: tuple[bytes, bool] | None = None

    @property
    def description(self) -> str:
        """What the chart shows, in words: titles, from when to when, the highest and the lowest."""
        return self.alt or describe(self)

    def _draw(self) -> tuple[bytes, bool]:
        """Return the PNG, and whether it lacks letters."""
        if self._drawn is None:
            buffer = io.BytesIO()
            with plot_style(), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self.savefig(buffer, format="png", dpi=110)
            lacking = any("missing from" in str(each.message) for each in caught)
            self._drawn = buffer.getvalue(), lacking
        return self._drawn

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return self._draw()[0], {"alt": self.description}

    def _repr_svg_(self) -> tuple[str, dict[str, str]] | None:
        if not self._draw()[1]:
            return None
        buffer = io.StringIO()
        with plot_style(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue(), {"alt": self.description}

    def __repr__(self) -> str:
        return f"<Chart: {self.description}>"


def new_figure(width: float, height: float) -> Chart:
    """Return an empty chart of that size in inches."""
    chart = Chart(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(chart)
    return chart


def short_name(name: Any) -> str:
    """Return a name that fits beside a chart: on one line, a long one without its middle."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(name)).split()) or "(no name)"
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME - 13]}…{text[-12:]}"
