"""Columns of any table as numbers that a forest can learn from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd

CATEGORIES = 12
"""Distinct texts up to which a column is a category."""

Kind = Literal["number", "category", "text", "time"]


@dataclass(frozen=True)
class Feature:
    """One column of numbers: the column it comes from, and what of that it tells.

    Attributes:
        column: name of the column.
        part: empty for its value; else what the number is: ``sign``, ``hour``, ``weekday``, ``shape``, ``length`` or
            ``frequency``.
        kind: of the column.
        scale: what a number is divided by before its size is taken as a logarithm.
        values: the texts or shapes of a category, or the texts that have a frequency, the most frequent first.
        counts: how often each of them was there.
    """

    column: str
    part: str
    kind: Kind
    scale: float = 1.0
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.part} of {self.column}" if self.part else self.column

    def numbers(self, series: pd.Series) -> np.ndarray:
        """Return the numbers of a column's cells; NaN where a cell is missing."""
        if self.part == "sign":
            return np.asarray(np.sign(_numbers(series)), dtype=float)
        if self.kind == "number":
            return np.asarray(np.arcsinh(_numbers(series) / self.scale), dtype=float)
        if self.kind == "time":
            moments = pd.to_datetime(series)
            part = moments.dt.hour + moments.dt.minute / 60 if self.part == "hour" else moments.dt.day_of_week
            return np.asarray(part.astype(float))
        known = series.notna().to_numpy()
        texts = series.astype("string").fillna("")
        return np.where(known, self._of_texts(texts), np.nan)

    def _of_texts(self, texts: pd.Series) -> np.ndarray:
        if self.part == "shape":
            texts = _shapes(texts)
        if self.part == "frequency":
            often = dict(zip(self.values, np.log1p(self.counts), strict=True))
            return np.array([often.get(text, 0.0) for text in texts])
        if self.values:
            place = {value: number for number, value in enumerate(self.values)}
            return np.array([place.get(text, -1) for text in texts], dtype=float)
        return np.asarray(texts.str.len(), dtype=float)

    def shown(self, number: float) -> str:
        """Return a number of this feature as people know it."""
        if np.isnan(number):
            return "nothing"
        if self.kind == "number" and not self.part:
            return f"{np.sinh(number) * self.scale:,.6g}"
        if self.kind == "category":
            place = round(number)
            return repr(self.values[place]) if 0 <= place < len(self.values) else "a new value"
        if self.part == "weekday":
            return ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[round(number) % 7]
        if self.part == "frequency":
            return f"a value that {np.expm1(number):,.0f} rows had before"
        if self.part == "sign":
            return ("below zero", "zero", "above zero")[round(number) + 1]
        return f"{number:.3g}"


def learn_features(frame: pd.DataFrame) -> tuple[Feature, ...]:
    """Choose the features of a table: one a category, two a number or time, one or two a text.

    A text whose values return (an id of a store, say) tells how often a value was there; one whose values don't return
    (an id of a receipt) only what its letters and digits look like, however many there are. Columns
    without any value are left out.
    """
    features: list[Feature] = []
    for column in map(str, frame.columns):
        series = frame[column].dropna()
        if not len(series):
            continue
        if pd.api.types.is_datetime64_any_dtype(frame[column]) or isinstance(series.iloc[0], dt.date):
            features += [Feature(column, "hour", "time"), Feature(column, "weekday", "time")]
        elif _is_number(series):
            size = np.abs(_numbers(series))
            usual = float(np.median(size[size > 0])) if (size > 0).any() else 1.0
            features += [Feature(column, "", "number", usual), Feature(column, "sign", "number")]
        else:
            counts = series.astype("string").value_counts()
            if len(counts) <= CATEGORIES:
                features.append(Feature(column, "", "category", values=tuple(counts.index)))
                continue
            shapes = _shapes(series.astype("string")).value_counts()
            if len(shapes) <= CATEGORIES:
                features.append(Feature(column, "shape", "category", values=tuple(shapes.index)))
            else:
                features.append(Feature(column, "length", "text"))
            if len(counts) <= len(series) / 5:
                features.append(
                    Feature(column, "frequency", "text", 1.0, tuple(counts.index), tuple(map(int, counts)))
                )
    return tuple(features)


def encode(frame: pd.DataFrame, features: tuple[Feature, ...]) -> np.ndarray:
    """Return the numbers of each row; shape (rows, features)."""
    columns = [feature.numbers(frame[feature.column]) for feature in features]
    return np.column_stack(columns) if columns else np.zeros((len(frame), 0))


def _shapes(texts: pd.Series) -> pd.Series:
    """Return the shape of each text: runs of letters as A, of digits as 9, the rest as it is."""
    return texts.str.replace(r"[^\W\d_]+", "A", regex=True).str.replace(r"\d+", "9", regex=True)


def _is_number(series: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(series):
        return False
    return pd.api.types.is_numeric_dtype(series) or isinstance(series.iloc[0], Decimal)


def _numbers(series: pd.Series) -> np.ndarray:
    return np.asarray(pd.to_numeric(series, errors="coerce"), dtype=float)
