"""The chart of a training: what it finds of anomalies that were put in, beside simple rules."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.ticker import PercentFormatter

from workbench.charts.anomalies import BAND, INK
from workbench.charts.style import QUIET, Chart, new_figure, plot_style

_RULES = {"": "the forest", "_zscore": "weekday z-score", "_windows": "nearest windows"}


def plot_injected(metrics: Mapping[str, float]) -> Chart:
    """Draw what the forest and each simple rule find: ``injected_recall`` and ``injected_ap``, each with ``_zscore`` and
    ``_windows``, 0 to 1, as :func:`workbench.anomaly.sales.injection.measure_injected` has them.
    """
    with plot_style():
        figure = new_figure(6.6, 2.6)
        axes = figure.subplots()
        axes.set_title("Injected anomalies: what each finds")
        shown = {suffix: name for suffix, name in _RULES.items() if f"injected_recall{suffix}" in metrics}
        if not shown:
            axes.text(0, 0.5, "Not measured: the held-out days have no room for any.", color=QUIET)
            axes.set_axis_off()
            return figure
        parts = (
            ("injected_recall", "found at one false alert a department and month", INK, 0.2),
            ("injected_ap", "average precision", BAND, -0.2),
        )
        names = list(shown.values())[::-1]
        for metric, label, color, offset in parts:
            values = [metrics.get(f"{metric}{suffix}", 0.0) for suffix in shown][::-1]
            places = [place + offset for place in range(len(names))]
            bars = axes.barh(places, values, height=0.38, color=color, label=label)
            axes.bar_label(bars, [f"{value:.0%}" for value in values], padding=3, color=QUIET, fontsize=8)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlim(0, 1.08)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower left", ncols=2)
        figure.alt = "Injected anomalies: " + "; ".join(
            f"{name} finds {metrics[f'injected_recall{suffix}']:.0%}, average precision "
            f"{metrics.get(f'injected_ap{suffix}', 0.0):.2f}"
            for suffix, name in shown.items()
        )
    return figure
