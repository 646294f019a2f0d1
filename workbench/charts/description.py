"""Say in words what a chart shows, read from what was drawn on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.dates import DateConverter, num2date
from matplotlib.figure import Figure

from workbench.numbers import amounts

LONGEST = 1200


def describe(figure: Figure) -> str:
    """Return the titles of a figure and of each series from where to where it goes, its highest and its lowest."""
    panels = [" ".join(_panel(axes)) for axes in figure.axes]
    parts = [figure.get_suptitle(), *filter(None, panels)]
    text = " ".join(each if each.endswith((".", "…")) else f"{each}." for each in parts if each)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _panel(axes: Axes) -> Iterator[str]:
    title = axes.get_title(loc="left") or axes.get_title() or axes.get_title(loc="right")
    unit = axes.get_ylabel() or axes.get_xlabel()
    head = f"{title} ({unit})" if title and unit else title or unit
    series = list(_series(axes)) if axes.axison else []
    notes = [text.get_text() for text in axes.texts] if not axes.axison else []
    if head:
        yield f"{head}: {'; '.join(series)}." if series else f"{head}."
    elif series:
        yield f"{'; '.join(series)}."
    yield from (f"{note.rstrip('.')}." for note in notes if note)


def _series(axes: Axes) -> Iterator[str]:
    for container in axes.containers:
        if isinstance(container, BarContainer) and len(container):
            yield _bars(axes, container)
    for line in axes.get_lines():
        x, y = np.asarray(line.get_xdata(orig=False), float), np.asarray(line.get_ydata(orig=False), float)
        known = np.isfinite(x) & np.isfinite(y)
        label = str(line.get_label())
        if known.sum() > 1 and label != "_nolegend_":
            yield _range(axes, "" if label.startswith("_") else label, x[known], y[known])
    for points in axes.collections:
        label, marked = str(points.get_label()), len(np.atleast_2d(points.get_offsets()))
        if not label.startswith("_") and type(points).__name__ == "PathCollection":
            yield f"{marked} {'day' if _has_dates(axes) else 'point'}{'' if marked == 1 else 's'} marked {label}"


def _bars(axes: Axes, bars: BarContainer) -> str:
    lying = bars.orientation == "horizontal"
    values = np.array([float(bar.get_width() if lying else bar.get_height()) for bar in bars])
    label = str(bars.get_label())
    label = "" if label.startswith("_") else label
    places = np.array(
        [bar.get_y() + bar.get_height() / 2 if lying else bar.get_x() + bar.get_width() / 2 for bar in bars]
    )
    names = _names(axes, lying)
    if not names:
        # A bar over a span of time stands for the time from its left edge on.
        return _range(axes, label or "bars", np.array([bar.get_x() for bar in bars]), values)
    order = np.argsort(-values, kind="stable")
    parts = [f"{names.get(round(float(places[each])), '')} {_number(values[each])}".strip() for each in order]
    first = ", ".join(parts[:5])
    more = f", … down to {parts[-1]}" if len(parts) > 5 else ""
    return f"{label + ': ' if label else ''}{len(parts)} bar{'' if len(parts) == 1 else 's'}: {first}{more}"


def _names(axes: Axes, lying: bool) -> dict[int, str]:
    axis = axes.yaxis if lying else axes.xaxis
    if _has_dates(axes) and not lying:
        return {}
    texts = [label.get_text() for label in axis.get_ticklabels()]
    return dict(zip((round(float(place)) for place in axis.get_ticklocs()), texts, strict=False))


def _range(axes: Axes, label: str, x: np.ndarray, y: np.ndarray) -> str:
    high, low = int(np.argmax(y)), int(np.argmin(y))
    ends = f"from {_place(axes, x[0])} to {_place(axes, x[-1])}" if len(x) > 1 else f"at {_place(axes, x[0])}"
    if len(x) == 1:
        return f"{label + ' ' if label else ''}{ends}, {_number(y[0])}"
    return (
        f"{label + ' ' if label else ''}{ends}, highest {_number(y[high])} at {_place(axes, x[high])}, "
        f"lowest {_number(y[low])} at {_place(axes, x[low])}"
    )


def _has_dates(axes: Axes) -> bool:
    converter = axes.xaxis.get_converter()
    return isinstance(converter, DateConverter) or "Date" in type(converter).__name__


def _place(axes: Axes, x: float) -> str:
    return f"{num2date(x):%Y-%m-%d}" if _has_dates(axes) else _number(x)


def _number(value: float) -> str:
    return amounts([value])[0].removesuffix(".00")
