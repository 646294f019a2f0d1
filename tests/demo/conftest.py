"""One small and one whole feed, written once for all tests of the demo's data."""

from __future__ import annotations

import duckdb
import pytest

from workbench.demo.journey import feed


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> feed.FeedSummary:
    """Three days of sales."""
    return feed.write(tmp_path_factory.mktemp("small"), limit_days=3)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> feed.FeedSummary:
    """All of the Complete Journey."""
    return feed.write(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def landed(whole: feed.FeedSummary) -> duckdb.DuckDBPyConnection:
    """The whole feed's files as views of text, whatever their format: ``transactions``, ``customers``, ..."""
    connection = duckdb.connect()
    for dataset in feed.DATASETS:
        parts = []
        for path in whole.dataset_files(dataset):
            if path.suffix == ".parquet":
                parts.append(f"SELECT columns(*)::VARCHAR FROM '{path}'")
            elif path.suffix == ".jsonl":
                parts.append(f"SELECT columns(*)::VARCHAR FROM read_json('{path}')")
            else:
                parts.append(f"SELECT * FROM read_csv('{path}', all_varchar = true)")
        connection.execute(f"CREATE TABLE {dataset} AS {' UNION ALL BY NAME '.join(parts)}")
    return connection
