"""The same models on Redshift, as far as that goes without a server: dbt compiles them, and they are Redshift's SQL."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot

from workbench.settings import get_settings
from workbench.transform import MODELS

# What DuckDB knows and Redshift doesn't.
FOREIGN = re.compile(
    r"strftime|is not distinct from|asof|exclude|\bstruct\b|date_diff\(|make_date|\[|::|\bfilter \(", re.I
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The statement of each model for Redshift."""
    project, target = get_settings().root / "dbt", tmp_path_factory.mktemp("redshift")
    subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "--quiet", "--no-send-anonymous-usage-stats", "--no-version-check",
            "compile", "--project-dir", project, "--profiles-dir", project, "--target", "redshift",
            "--target-path", target, "--log-path", target, "--no-populate-cache", "--no-introspect",
        ],
        check=True, timeout=120,
    )  # fmt: skip
    return {path.stem: path.read_text() for path in (target / "compiled/workbench/models").glob("*/*.sql")}


def test_every_model_is_one_query_in_redshifts_words(compiled: dict[str, str]) -> None:
    assert compiled.keys() >= MODELS.keys()
    for name in MODELS:
        assert FOREIGN.search(compiled[name]) is None, name
        (statement,) = sqlglot.parse(compiled[name], read="redshift")
        assert isinstance(statement, sqlglot.exp.Query), name


def test_keys_and_null_safe_comparison_take_redshifts_form(compiled: dict[str, str]) -> None:
    assert (
        "strtol(substring(md5(store_id || '|' || to_char(valid_from, 'YYYY-MM-DD HH24:MI:SS.US')), 1, 15), 16)"
        in (compiled["dim_store"])
    )
    assert (
        "case when city = _was_city or (city is null and _was_city is null) then true else false end"
        in (compiled["dim_store"])
    )
