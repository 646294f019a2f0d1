"""A champion that knows fraud, trained once for all who look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.anomaly.fraud.shop import Trained


@pytest.fixture(scope="session")
def fraud_home(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Read it, or copy its store and its warehouse."""
    # Made here, so that other tests don't wait for it.
    from tests.anomaly.fraud.shop import train

    return train(tmp_path_factory.mktemp("fraud"))
