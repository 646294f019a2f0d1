"""Stages that are partitioned by day: whether their notebooks take the days, and what a backfill makes of the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

from workbench.errors import UsageError
from workbench.execution.parameters.declarations import Parameter, unknown_parameter
from workbench.execution.pipeline.pipeline import MAP, Pipeline
from workbench.execution.pipeline.stage import Stage

_KINDS: tuple[Any, ...] = (Union[dt.date, None], Any)  # noqa: UP007  compared with what is built at run time


def partition_problems(stage: Stage, declared: Mapping[str, Parameter], where: str) -> Iterator[str]:
    """Yield what keeps a notebook from taking the days that its map says it takes.

    Args:
        stage: what the map says.
        declared: the notebook's parameters.
        where: what messages call the notebook.
    """
    for name in stage.partitioned.names if stage.partitioned else ():
        parameter = declared.get(name)
        if parameter is None:
            yield f"partitioned: {unknown_parameter(name, declared.values(), where)}"
        elif parameter.type not in _KINDS or parameter.default is not None:
            yield (
                f"partitioned: parameter {name!r} of {where} is declared as `datetime.date | None = None`, so that "
                "a run of the whole goes without it"
            )


@dataclass(frozen=True)
class Roles:
    """What a backfill does with each stage, in order: those that go over the days, and the others.

    ``before`` are others that those over the days wait for, ``after`` such as wait for them; ``apart`` have nothing to do
    with them.
    """

    over_days: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    apart: tuple[str, ...]


def roles(pipeline: Pipeline) -> Roles:
    """Return what a backfill does with each stage of a pipeline.

    Raises:
        UsageError: no stage is partitioned, or one that isn't stands between two that are.
    """
    over_days = tuple(name for name in pipeline.order if pipeline.stages[name].partitioned)
    if not over_days:
        raise UsageError(
            f"no stage of {pipeline.name} is partitioned, so there are no days to go over; run it whole with: "
            f"workbench run {pipeline.name}; or say in {MAP} which parameters of a stage take the days: "
            "partitioned: {first_day: start_date, last_day: end_date}"
        )
    above: dict[str, set[str]] = {}
    for name in pipeline.order:
        above[name] = set(pipeline.before[name]).union(*(above[each] for each in pipeline.before[name]))
    others = [name for name in pipeline.order if name not in over_days]
    before = tuple(name for name in others if any(name in above[each] for each in over_days))
    after = tuple(name for name in others if above[name] & set(over_days))
    if between := next((name for name in before if name in after), None):
        raise UsageError(
            f"{pipeline.folder / MAP}: stage {between} isn't partitioned and stands between stages that are, so "
            "their days can't be gone over"
        )
    apart = tuple(name for name in others if name not in (*before, *after))
    return Roles(over_days, before, after, apart)
