"""Judge a file in parts with Spark: ``python -m workbench.etl.ingestion.parts REQUEST``, in an environment that has it.

REQUEST is a file, a :class:`~workbench.etl.ingestion.parts.judging.Request` as JSON. The last line printed is JSON:
``parts``, and how many rows are ``accepted`` and ``refused``; or a ``problem`` for which the file has to be judged whole.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.etl.ingestion.parts.borders import count_records, parts_of, ranges
from workbench.etl.ingestion.parts.judging import Request, judge_part

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LEAST_MEMORY = 128


def session(folder: str) -> SparkSession:
    """Start Spark on all processors of this machine; its scratch is in ``folder``."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("workbench-ingest")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": folder,
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
    }.items():
        builder = builder.config(name, value)
    return builder.master("local[*]").getOrCreate()


def judge_file(spark: SparkSession, request: Request) -> dict[str, Any]:
    """Judge all parts of a file, as many at a time as Spark has places."""
    context = spark.sparkContext
    path, layout = request.path, request.layout
    found = ranges(path, request.head, request.size)
    if not found:
        return {"problem": "it has no record"}
    counts = (
        context.parallelize(found, len(found)).map(lambda each: count_records(path, each, layout)).collect()
    )
    parts = parts_of(found, counts, lambda each: count_records(path, each, layout))
    memory = max(_LEAST_MEMORY, request.memory // context.defaultParallelism)
    numbered = list(enumerate(parts))
    judged = (
        context.parallelize(numbered, len(numbered))
        .map(lambda each: judge_part(request, each[0], each[1], memory))
        .collect()
    )
    problems = [each.problem for each in judged if each.problem]
    if problems:
        return {"problem": problems[0]}
    return {
        "parts": len(parts),
        "accepted": sum(each.accepted for each in judged),
        "refused": sum(each.refused for each in judged),
    }


def main(arguments: list[str]) -> int:
    """Judge the file of each request with one Spark; print a line of JSON for each."""
    # Its workers are this Python, too.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # Java looks up the machine's name otherwise, and a container without a network knows none.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("SPARK_LOCAL_HOSTNAME", "localhost")
    with tempfile.TemporaryDirectory(prefix="workbench-spark-") as folder:
        spark = session(folder)
        try:
            for argument in arguments:
                request = Request.model_validate_json(Path(argument).read_bytes())
                print(json.dumps(judge_file(spark, request)), flush=True)
        finally:
            spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
