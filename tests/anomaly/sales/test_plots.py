"""What was detected can be drawn, with the band of the detection and from the marts alone."""

from __future__ import annotations

import pytest

from workbench.anomaly import detect_sales, plot_anomalies, plot_anomalies_by_month
from workbench.warehouse import connect


def panels(figure: object) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes if axes.axison]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("trained")
def test_sales_are_drawn_with_band_and_anomalies() -> None:
    result = detect_sales(connect())
    figure = plot_anomalies(result.scored, result.anomalies, departments=["MEAT", "BAKERY"], unit="USD")
    assert panels(figure) == ["MEAT", "BAKERY"]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} >= {"expected range", "sales", "critical"}
    assert figure._repr_png_()[0].startswith(b"\x89PNG")


@pytest.mark.usefixtures("trained")
def test_the_marts_alone_are_enough_to_draw_from() -> None:
    detect_sales(connect())
    daily, found = (
        connect().frame(f"SELECT * FROM marts.{name}") for name in ("sales_daily", "sales_anomalies")
    )
    figure = plot_anomalies(daily, found, limit=3)
    assert len(panels(figure)) == 3
    assert "expected range" not in {text.get_text() for text in figure.legends[0].get_texts()}
    bars = plot_anomalies_by_month(found).axes[0]
    assert sum(patch.get_height() for patch in bars.patches) == len(found)
