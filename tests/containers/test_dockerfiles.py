"""The Dockerfiles: clean by hadolint, on a base that can be another one, of locked packages, and run by nobody's root."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT

FILES = sorted(ROOT.glob("containers/*/Dockerfile"))
RUN = [path for path in FILES if path.parent.name != "base"]


def instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each on one line."""
    lines = [line for line in path.read_text().replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines)]


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, *FILES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_the_base_is_an_argument_whose_default_is_public(path: Path) -> None:
    found = instructions(path)
    assert found[0][0] == "ARG"
    assert re.fullmatch(r"BASE=(python:3\.1[123]-slim-bookworm|debian:(bookworm|trixie)-slim)", found[0][1])
    assert {rest.split()[0] for word, rest in found if word == "FROM"} == {"${BASE}"}


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.parent.name)
def test_what_runs_is_built_apart_of_locked_packages_for_a_user_without_rights(path: Path) -> None:
    found = instructions(path)
    words = [word for word, _ in found]
    last = len(words) - 1 - words[::-1].index("FROM")
    assert words.count("FROM") == 2 and "AS build" in found[words.index("FROM")][1]
    assert "pip" not in " ".join(rest for word, rest in found[last:] if word == "RUN")
    locks = {lock for _, rest in found for lock in re.findall(r"requirements/([\w-]+\.txt)", rest)}
    locks -= {"bootstrap.txt"}
    for lock in locks:
        assert "--hash=sha256:" in (ROOT / "requirements" / lock).read_text()
    assert locks or path.parent.name == "redshift-local"
    ((user,),) = [[rest] for word, rest in found if word == "USER"]
    assert user in ("${UID}:${UID}", "postgres") and found[last:].count(("ARG", "UID=10001")) == (
        user != "postgres"
    )
    assert "HEALTHCHECK" in words and "VOLUME" in words
    # A secret given as an argument or a variable would stay in the image's history.
    named = " ".join(rest.upper() for word, rest in found if word in ("ARG", "ENV"))
    assert not re.search(r"PASSWORD|TOKEN|SECRET|INDEX_URL|PIP_|UV_", named)
    for word, rest in found:
        if word == "COPY" and not rest.startswith("--from"):
            # A pattern names what may be missing.
            assert all((ROOT / source).exists() for source in rest.split()[:-1] if "[" not in source)


@pytest.mark.parametrize("name", ["python-processor", "airflow", "lab"])
def test_declared_sources_go_where_they_are_pulled(name: str) -> None:
    copied = (ROOT / "containers" / name / "Dockerfile").read_text()
    # By a pattern, for most projects declare none.
    assert re.search(r"^COPY .*\bsources\.yam\[l\] \./$", copied, re.MULTILINE)
    assert "!sources.yaml" in (ROOT / ".dockerignore").read_text().splitlines()


def test_an_image_that_is_not_there_is_told_before_anything_is_built() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "images.sh", "mlflow", "nope"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert (
        "no image 'nope'; there are airflow, lab, mlflow, python-processor, redshift-local, spark-processor"
        in done.stderr
    )
