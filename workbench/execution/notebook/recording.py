"""What a notebook hands to the record of its run, and how long its own work took."""

from __future__ import annotations

import html
import json
import math
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

from workbench.errors import UsageError, unknown
from workbench.numbers import number

MIME = "application/vnd.workbench.record+json"

TimedKind = Literal["sql", "dbt", "model"]
_KINDS: tuple[str, ...] = get_args(TimedKind)


class _Clock:
    """Seconds by kind in this process; time spent in a nested block counts for the inner kind alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._open = threading.local()

    @contextmanager
    def run(self, kind: str) -> Iterator[None]:
        stack: list[float] = self._open.__dict__.setdefault("stack", [])
        stack.append(0.0)
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            inner = stack.pop()
            if stack:
                stack[-1] += elapsed
            with self._lock:
                self.seconds[kind] = self.seconds.get(kind, 0.0) + elapsed - inner


_clock = _Clock()


@contextmanager
def timed(kind: TimedKind) -> Iterator[None]:
    """Count the wall seconds of a block as own ``sql``, ``dbt`` or ``model`` work of this process.

    :func:`record` hands the sums over by itself.

    Raises:
        UsageError: the kind is none of the three.
    """
    if kind not in _KINDS:
        raise unknown("kind of work", kind, _KINDS)
    with _clock.run(kind):
        yield


def record(
    *,
    counts: Mapping[str, Any] | None = None,
    tables: Sequence[str] = (),
    metrics: Mapping[str, Any] | None = None,
    timings: Mapping[str, float] | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Show what a stage did, and hand it to the run's record. Call it in a notebook's last cell.

    What several calls hand over is put together; under the same name the last counts.

    Args:
        counts: whole numbers by name, such as rows taken in.
        tables: names of tables to show and keep with their present number of rows. Those that the stage's map says it
            writes are in the run's record without that.
        metrics: numbers by name, such as a model's error.
        timings: seconds by kind of work, on top of those that :func:`timed` counted.
        values: whatever JSON holds, by name, for the parameters of later stages.

    Raises:
        UsageError: a table isn't declared, a figure isn't a number, or a value isn't JSON.
    """
    seconds = dict(_clock.seconds)
    for kind, value in _numbers("timing", timings).items():
        seconds[kind] = seconds.get(kind, 0.0) + (value or 0.0)
    handed = _json(values)
    content: dict[str, dict[str, Any]] = {
        "counts": _whole(_numbers("count", counts)),
        "tables": _row_counts(tables),
        "metrics": _numbers("metric", metrics),
        "timings": {kind: round(value, 4) for kind, value in seconds.items()},
        "values": handed,
    }
    _show(content, _own_mlflow_runs())


def _row_counts(tables: Sequence[str]) -> dict[str, int]:
    if isinstance(tables, str):
        tables = [tables]
    if not tables:
        return {}
    from workbench.schema import table
    from workbench.warehouse import connect

    return connect().counts(*(table(name).full_name for name in tables))


def _own_mlflow_runs() -> list[str]:
    """Return the ids of the MLflow runs that this stage has made; none if it made none, or is no stage."""
    mlflow = sys.modules.get("mlflow")
    run_id, stage = os.environ.get("WORKBENCH_RUN_ID"), os.environ.get("WORKBENCH_STAGE")
    if mlflow is None or not run_id or not stage or mlflow.last_active_run() is None:
        return []
    ours = f"tags.`workbench.run_id` = '{run_id}' and tags.`workbench.stage` = '{stage}'"
    try:
        found = mlflow.search_runs(search_all_experiments=True, filter_string=ours, output_format="list")
    except mlflow.MlflowException:
        # The record must not fail for want of a link.
        found = [mlflow.last_active_run()]
    return [each.info.run_id for each in reversed(found)]


def _numbers(kind: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return plain JSON numbers; what isn't finite becomes None."""
    plain: dict[str, Any] = {}
    for name, value in (values or {}).items():
        value = value.item() if hasattr(value, "item") else value
        if value is None or isinstance(value, int):
            plain[str(name)] = value if value is None else int(value)
            continue
        try:
            measure = float(value)
        except (TypeError, ValueError):
            raise UsageError(f"{kind} {name!r} must be a number, not {type(value).__name__}") from None
        plain[str(name)] = measure if math.isfinite(measure) else None
    return plain


def _json(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values as JSON gives them back; dates and the like become text."""
    from workbench.execution.parameters.literals import to_json_value

    found = {}
    for name, value in (values or {}).items():
        try:
            found[str(name)] = json.loads(json.dumps(value, default=_scalar, allow_nan=False))
        except (TypeError, ValueError):
            raise UsageError(
                f"value {name!r} must be what JSON holds, not {to_json_value(value)!r:.80}"
            ) from None
    return found


def _scalar(value: Any) -> Any:
    """Return a date, a decimal or a single number of numpy's as JSON holds it."""
    from datetime import date
    from decimal import Decimal
    from pathlib import PurePath

    from workbench.execution.parameters.literals import to_json_value

    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        return value.item()
    if isinstance(value, date | Decimal | PurePath):
        return to_json_value(value)
    raise TypeError


def _whole(values: dict[str, Any]) -> dict[str, int | None]:
    for name, value in values.items():
        if isinstance(value, float):
            if not value.is_integer():
                raise UsageError(f"count {name!r} must be a whole number, not {value}")
            values[name] = int(value)
    return values


_TITLES = {
    "counts": "Counts",
    "tables": "Tables, rows",
    "metrics": "Metrics",
    "timings": "Own work, seconds",
    "values": "Values",
}


def _format(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


def _as_text(content: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"{_TITLES[part]}: " + ", ".join(f"{name} {_format(value)}" for name, value in values.items())
        for part, values in content.items()
        if values
    ]
    return "\n".join(lines) or "Nothing to record."


def _as_html(content: dict[str, dict[str, Any]]) -> str:
    cell = 'style="text-align:{};padding:2px 12px 2px 0"'
    blocks = []
    for part, values in content.items():
        rows = "".join(
            f"<tr><td {cell.format('left')}>{html.escape(name)}</td>"
            f"<td {cell.format('right')}>{html.escape(_format(value))}</td></tr>"
            for name, value in values.items()
        )
        if rows:
            head = f'<tr><th colspan="2" {cell.format("left")}>{_TITLES[part]}</th></tr>'
            blocks.append(f'<table class="record" style="border:0;margin:0 2em 0 0">{head}{rows}</table>')
    body = "".join(blocks) or "Nothing to record."
    return f'<div class="record" style="display:flex;flex-wrap:wrap;align-items:flex-start">{body}</div>'


def _show(content: dict[str, dict[str, Any]], mlflow_run_ids: list[str]) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(_as_text(content))
        return
    if get_ipython() is None:
        print(_as_text(content))
        return
    bundle = {
        "text/plain": _as_text(content),
        "text/html": _as_html(content),
        MIME: {**content, "mlflow_run_ids": mlflow_run_ids},
    }
    display(bundle, raw=True)
