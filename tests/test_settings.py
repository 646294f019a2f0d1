"""What a setting says wrong is refused with what to write, and nothing of it is guessed."""

from __future__ import annotations

from pathlib import Path

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
        ("REPORTING_CURRENCY", "QQQ", "'QQQ' is no currency"),
        ("REPORTING_CURRENCY", "Euro", "'Euro' is no currency"),
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
        ("REPORTING_CURRENCY", " sek ", "SEK"),
    ],
)
def test_blanks_of_a_setting_mean_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, means: str
) -> None:
    monkeypatch.setenv(f"WORKBENCH_{name}", said)
    assert getattr(get_settings(), name.lower()) == means


@pytest.mark.parametrize("below", ["", "state", "a/b"])
def test_a_home_that_cannot_be_a_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("WORKBENCH_HOME", str(file / below))
    with pytest.raises(UsageError, match=f"^setting WORKBENCH_HOME: .*{file} is no folder"):
        get_settings()


def test_a_home_that_a_link_loops_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "loop"))
    with pytest.raises(UsageError, match="is no folder"):
        get_settings()


def test_a_home_that_is_not_there_yet_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "a/b"))
    assert get_settings().home == tmp_path / "a/b"
