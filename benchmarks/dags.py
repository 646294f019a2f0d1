"""How long Airflow takes to parse the DAG files of many maps, against the import of Airflow's own interface.

Goal: 50 maps in under a second of processor time. Airflow parses in a process that has its libraries already, so these
don't count; what our own files bring along does.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-airflow" / "bin" / "python"
MAPS, ROUNDS = 50, 3
_IMPORT = (
    "import resource, airflow.sdk, airflow.sdk.definitions.dag; used = resource.getrusage(resource.RUSAGE_SELF); "
    "print(used.ru_utime + used.ru_stime)"
)


def make_project(folder: Path) -> None:
    """Write copies of the largest pipeline, each with its DAG file."""
    (folder / "dags").mkdir(parents=True)
    shutil.copy(ROOT / "dags" / "factory.py", folder / "dags")
    (folder / "dbt").symlink_to(ROOT / "dbt")
    source = ROOT / "pipeline_notebooks" / "retail_etl"
    for number in range(MAPS):
        name = f"etl_{number:02}"
        copy = folder / "pipeline_notebooks" / name
        shutil.copytree(source, copy)
        path = copy / "pipeline.yaml"
        path.write_text(path.read_text().replace("name: retail_etl", f"name: {name}"))
        text = f'"""Airflow\'s DAG of {name}."""\n\nfrom factory import make_dags\n\nmake_dags("{name}")\n'
        (folder / "dags" / f"{name}.py").write_text(text)


def parse(folder: Path) -> float:
    """Return the processor seconds of one parse of all files."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "WORKBENCH_HOME": str(folder / "home"),
        "WORKBENCH_PROJECT": str(folder),
    }
    command = [PYTHON, ROOT / "tests" / "dags" / "facts.py", folder / "dags"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["dags"]) == 2 * MAPS and not found["errors"] and not found["heavy"]
    return float(found["cpu"])


def main() -> None:
    """Measure, and print JSON."""
    with tempfile.TemporaryDirectory(prefix="workbench-dags-") as name:
        folder = Path(name)
        make_project(folder)
        parsed = [parse(folder) for _ in range(ROUNDS)]
    imported = [
        float(subprocess.run([PYTHON, "-c", _IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(ROUNDS)
    ]
    seconds, beside = statistics.median(parsed), statistics.median(imported)
    result = {
        "maps": MAPS, "cpu_seconds": round(seconds, 2), "airflow_import_cpu_seconds": round(beside, 2),
        "ratio": round(seconds / beside, 2),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
