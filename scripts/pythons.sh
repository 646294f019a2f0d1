#!/usr/bin/env bash
# Passes a short test on other Pythons, as far as they are at hand, on PATH or made by pyenv: the lock is installed,
# every module imported, the quick start run, and what looks into Python itself or forks is tested.
# Usage: scripts/pythons.sh [VERSION...], by default 3.12 and 3.13
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 3.12 3.13
# Each process would compile all libraries anew.
unset PYTHONDONTWRITEBYTECODE

find_python() {
    local candidate
    for candidate in "python$1" ~/.pyenv/versions/"$1".*/bin/python; do
        if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

for version in "$@"; do
    if ! python=$(find_python "$version"); then
        echo "== no Python $version here: not tested on it"
        continue
    fi
    echo "== testing on Python $version, $python"
    place=.venv-$version
    .venv/bin/uv venv --quiet --allow-existing --python "$python" "$place"
    .venv/bin/uv pip install --quiet --python "$place/bin/python" --require-hashes \
        -r requirements/demo.txt -r requirements/build.txt -r requirements/dev.txt
    .venv/bin/uv pip install --quiet --python "$place/bin/python" --no-deps --no-build-isolation --editable .
    "$place/bin/python" scripts/import_all.py
    "$place/bin/python" -m pytest -n 2 --dist loadfile -q -p no:cacheprovider \
        tests/end_to_end/test_quick_start.py::test_every_line_of_the_sample_is_accounted_for \
        tests/execution/parameters/test_{parameters,syntax}.py tests/execution/kernels/test_provisioner.py \
        tests/anomaly/models/test_stored.py
done
