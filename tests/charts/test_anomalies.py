"""Charts of anomalies draw on any machine, and say what they leave out."""

from __future__ import annotations

import datetime as dt
import io

import pandas as pd

from workbench.charts.anomalies import plot_anomalies, plot_anomalies_by_month


def png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")  # type: ignore[attr-defined]
    return buffer.getvalue()


def test_nothing_to_draw_is_said() -> None:
    columns = ["sales_date", "department", "actual", "lower", "upper", "severity"]
    empty = pd.DataFrame(columns=columns)
    for figure in (plot_anomalies(empty, empty), plot_anomalies_by_month(empty)):
        assert figure.axes[0].texts[0].get_text() in ("No sales were judged.", "None.")
        assert png(figure)


def daily(department: str, first: str, last: str, lines: int = 100) -> pd.DataFrame:
    days = [day.date() for day in pd.date_range(first, last)]
    return pd.DataFrame(
        {"sales_date": days, "department": department, "net_amount_reporting": 10.0, "lines": lines}
    )


def test_a_day_that_is_still_filling_up_is_no_collapse_and_a_closed_department_is_zero() -> None:
    columns = ["sales_date", "department", "actual", "lower", "upper", "severity"]
    sales = pd.concat(
        [
            daily("A", "2024-01-01", "2024-03-30"),
            daily("A", "2024-03-31", "2024-03-31", lines=9),
            daily("CLOSED", "2024-02-01", "2024-02-10"),
        ]
    )
    figure = plot_anomalies(sales, pd.DataFrame(columns=columns), unit="EUR")
    drawn = {axes.get_title(loc="left"): axes.get_lines()[0] for axes in figure.axes if axes.axison}
    assert len(drawn["A"].get_ydata()) == 90 and set(drawn["A"].get_ydata()) == {10.0}
    closed = list(drawn["CLOSED"].get_ydata())
    assert closed == [10.0] * 10 + [0.0] * 49
    assert figure.description.endswith("Left out, as not whole: 2024-03-31.")  # type: ignore[attr-defined]


def test_a_day_on_which_nothing_at_all_was_sold_is_told_with_the_chart() -> None:
    frame = pd.concat([daily("A", "2024-01-01", "2024-03-31"), daily("B", "2024-01-01", "2024-03-31")])
    days = pd.to_datetime(frame["sales_date"])
    christmas = frame[days != "2024-02-25"]
    figure = plot_anomalies(christmas, pd.DataFrame({"department": [], "sales_date": [], "severity": []}))
    assert figure.alt.endswith("Nothing at all was sold on 2024-02-25; not judged.")
    sundays = frame[days.dt.day_of_week != 6]
    figure = plot_anomalies(sundays, pd.DataFrame({"department": [], "sales_date": [], "severity": []}))
    assert "on 2024-01-07, 2024-01-14, 2024-01-21 and 9 more days" in figure.alt
    one_closed = frame[(days != "2024-02-25") | (frame["department"] == "B")]
    figure = plot_anomalies(one_closed, pd.DataFrame({"department": [], "sales_date": [], "severity": []}))
    assert "Nothing at all" not in figure.alt


def test_months_without_a_finding_are_zero_and_parts_are_marked() -> None:
    found = pd.DataFrame({"sales_date": [dt.date(2024, 2, 9)], "severity": ["critical"]})
    figure = plot_anomalies_by_month(found, (dt.date(2024, 1, 15), dt.date(2024, 4, 30)))
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == ["2024-01 (part)", "2024-02", "2024-03", "2024-04"]
    heights = [[bar.get_height() for bar in bars.patches] for bars in figure.axes[0].containers]
    assert heights == [[0, 0, 0, 0], [0, 1, 0, 0]]
    empty = found.head(0)
    assert png(plot_anomalies_by_month(empty, (dt.date(2024, 1, 1), dt.date(2024, 1, 31))))
