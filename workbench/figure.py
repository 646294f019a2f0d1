"""The figure that notebooks show: drawn without a display, in the house style, a picture everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

QUIET = "#6b7785"

_STYLE: Any = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#b8c0c8",
    "axes.labelcolor": QUIET, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#e7eaee",
    "xtick.color": QUIET, "ytick.color": QUIET,
    "legend.frameon": False, "figure.facecolor": "white", "axes.facecolor": "white", "svg.fonttype": "none",
}  # fmt: skip


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw in the house style: quiet axes, one ink, colour for what matters."""
    with rc_context(_STYLE):
        yield


class Chart(Figure):
    """A matplotlib figure that shows itself as PNG, whatever backend the kernel has."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def new_figure(width: float, height: float) -> Chart:
    """Return an empty chart of that size in inches."""
    chart = Chart(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(chart)
    return chart
