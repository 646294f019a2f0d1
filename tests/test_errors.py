"""What pydantic has against a value is told to who wrote it, not to who wrote the program."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from workbench.errors import plainly


def refuse(value: int) -> int:
    raise ValueError("it is no number of ours")


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (dict[str, int], [], "it must be a mapping, `name: value`"),
        (list[int], {}, "it must be a list"),
        (str, 1, "it must be a text"),
        (int, "x", "it must be a whole number"),
        (float, "x", "it must be a number"),
        (bool, "x", "it must be true or false"),
        (Literal["a", "b"], "c", "it must be 'a' or 'b'"),
        (Annotated[int, Field(ge=1)], 0, "it must be greater than or equal to 1"),
        (Annotated[dict[str, int], Field(min_length=1)], {}, "it has 0 entries, and must have 1 at least"),
        (Annotated[int, AfterValidator(refuse)], 1, "it is no number of ours"),
    ],
)
def test_it_is_told_plainly(kind: Any, value: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    assert plainly(caught.value.errors()[0]) == told
