"""What a setting says wrong is refused with what to write, and nothing of it is guessed."""

from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.settings import get_settings


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("READING_INTERVALS", "sensor:=5", "'sensor:=5' declares no interval"),
        ("READING_INTERVALS", "sensor: =5", "declares no interval"),
        ("READING_INTERVALS", "=5", "'=5' declares no interval"),
        ("READING_INTERVALS", "temperature=300,,weight=60", "'' declares no interval"),
        ("EARLIEST", "=1950-01-01", "'=1950-01-01' is neither a day"),
        ("EARLIEST", "1950-01-01,", "'' is neither a day"),
        ("EARLIEST", "stores=2015-01-01,stores=2016-01-01", "stores has two days, 2015-01-01 and 2016-01-01"),
        ("EARLIEST", "1950-01-01,1960-01-01", "has two days"),
        ("FISCAL_CALENDAR", "months,july,", "a word is missing"),
        ("HOME", "", "it is empty; unset it, or name a folder"),
        ("PROJECT", "", "it is empty; unset it, or name a folder"),
        ("LOCK_TIMEOUT", "nan", "WORKBENCH_LOCK_TIMEOUT"),
        ("LOCK_TIMEOUT", "-1", "WORKBENCH_LOCK_TIMEOUT"),
        ("KEEP_DAYS", "inf", "finite"),
    ],
)
def test_a_setting_that_says_something_wrong_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, told: str
) -> None:
    monkeypatch.setenv(f"WORKBENCH_{name}", said)
    with pytest.raises(UsageError, match=f"^setting WORKBENCH_{name}: ") as caught:
        get_settings()
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said", "means"),
    [
        ("READING_INTERVALS", " Temperature = 300, sensor: T-17=60 ", "temperature=300,sensor:T-17=60"),
        ("READING_INTERVALS", " ", ""),
        ("EARLIEST", "1950-01-01,stores=2015-01-01", "1950-01-01,stores=2015-01-01"),
    ],
)
def test_blanks_of_a_setting_mean_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, means: str
) -> None:
    monkeypatch.setenv(f"WORKBENCH_{name}", said)
    assert getattr(get_settings(), name.lower()) == means
