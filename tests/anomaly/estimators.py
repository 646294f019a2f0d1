"""What scikit-learn asks of an estimator, one test a check."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator


def checks_of(estimator: Any) -> list[Any]:
    """Return a parameter for each check that applies: the array API is nothing that any of ours offers."""
    found = estimator_checks_generator(estimator, legacy=True)
    return [
        pytest.param(each, check, id=check.func.__name__.removeprefix("check_"))
        for each, check in found
        if not check.func.__name__.startswith("check_array_api")
    ]
