"""How many rows of a file may be refused: whether the others are taken in, with a warning, or the file is refused whole.

The file ``quality.yaml`` beside the pipelines says it, for all datasets (``default``) or for one; what it leaves out is
as here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from workbench.documents import no_flag, read_document
from workbench.errors import UsageError, first_line, plainly, unknown
from workbench.numbers import many, share
from workbench.schema import DATASETS
from workbench.settings import get_settings
from workbench.warehouse import Session

Verdict = Literal["publish", "warn", "refuse"]
FILE = "quality.yaml"

_LOOKED_AT = 20
_LEAST_HISTORY = 8


class Limit(BaseModel):
    """What is too much: both at least so many rows, and more than a share of the file's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _no_flags = field_validator("*", mode="before")(no_flag)

    rows: int = Field(ge=1)
    share: float = Field(ge=0, le=1)

    def is_passed(self, refused: int, landed: int) -> bool:
        """Whether so many refused rows of a file are too many."""
        return refused >= self.rows and refused > self.share * landed


class Limits(BaseModel):
    """The limits of a dataset.

    ``usual_rows`` is how many times fewer or more rows than usual a file may have without a warning; 0 asks nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    _no_flags = field_validator("*", mode="before")(no_flag)

    warn: Limit = Limit(rows=10, share=0.01)
    refuse: Limit = Limit(rows=20, share=0.5)
    usual_rows: float = Field(default=5.0, ge=0)


@dataclass(frozen=True)
class Judgement:
    """What a file's share of refused rows comes to, and why, in words; no words where it is published."""

    verdict: Verdict
    message: str | None = None


def limits_of(dataset: str) -> Limits:
    """Return the limits of a dataset.

    Raises:
        UsageError: ``quality.yaml`` is wrong.
    """
    path = get_settings().root / FILE
    try:
        said = _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return Limits()
    return said.get(dataset) or said.get("default") or Limits()


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> dict[str, Limits]:
    try:
        document = read_document(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {first_line(str(error))}") from None
    if not isinstance(document, dict):
        raise UsageError(
            f"{path}: it says limits by dataset, as transactions: {{refuse: {{rows: 20, share: 0.5}}}}"
        )
    for name in document:
        if name not in {"default", *DATASETS}:
            raise unknown(f"dataset in {path}", str(name), ["default", *DATASETS])
    default = document.get("default") or {}
    found = {}
    for name, about in document.items():
        try:
            found[name] = Limits.model_validate({**default, **(about or {})})
        except (ValidationError, TypeError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else None
            if first and first["type"] == "extra_forbidden":
                key, model = str(first["loc"][-1]), Limits if len(first["loc"]) == 1 else Limit
                raise UsageError(f"{path}: {name}: {unknown('key', key, model.model_fields)}") from None
            where = ".".join([name, *(str(part) for part in first["loc"])]) if first else name
            raise UsageError(f"{path}: {where}: {plainly(first) if first else 'limits are wanted'}") from None
    return found


def judge(dataset: str, landed: int, refused: int) -> Judgement:
    """Judge a file by how many of its rows were refused."""
    limits = limits_of(dataset)
    told = f"{refused:,} of {landed:,} rows ({share(refused / landed)}) were refused" if landed else ""
    if limits.refuse.is_passed(refused, landed):
        return Judgement("refuse", f"{told}, and more than {share(limits.refuse.share)} are too many")
    if limits.warn.is_passed(refused, landed):
        return Judgement("warn", f"{told}, more than {share(limits.warn.share)}")
    return Judgement("publish")


def unusual(session: Session, dataset: str, landed: int) -> str | None:
    """Say that a file has far fewer or more rows than the files of its dataset before; None if it hasn't."""
    factor = limits_of(dataset).usual_rows
    rows = session.execute(
        "SELECT rows_landed FROM ops.batches WHERE dataset = ? AND verdict IN ('publish', 'warn') "
        f"AND withdrawn_at IS NULL ORDER BY ingested_at DESC LIMIT {_LOOKED_AT}",
        [dataset],
    ).fetchall()
    before = [int(count) for (count,) in rows]
    if not factor or len(before) < _LEAST_HISTORY:
        return None
    if min(before) / factor <= landed <= max(before) * factor:
        return None
    much = f"{'is' if landed == 1 else 'are'} {'few' if landed < median(before) else 'many'}"
    return (
        f"{many(landed, 'row')} {much}: the last {len(before)} files had {min(before):,} to {max(before):,}, "
        f"{median(before):,.0f} in the middle"
    )
