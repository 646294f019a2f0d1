#!/usr/bin/env bash
# Passes tests, and tries up to three that failed once more, alone: beside others, on a busy machine, a test may fail for want
# of time. One that passes then is named at the end as unsteady, which is a fault to mend and none of what was changed.
# One that hangs shows where and fails, and the tests end: else it would take all the time there is.
# Usage: scripts/tests.sh WHAT [ARGUMENT OF PYTEST...]; WHAT names this part, of which each keeps its own failures
set -uo pipefail
cd "$(dirname "$0")/.."
cache=.pytest_cache/$1
shift
rm -rf "$cache"
limit=(-o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true)
.venv/bin/pytest -q -o cache_dir="$cache" "${limit[@]}" "$@"
status=$?
failed=$(.venv/bin/python -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' \
    "$cache/v/cache/lastfailed" 2>/dev/null)
# Status 1 is of failed tests; another one is of pytest itself.
[ "$status" = 1 ] && [ -n "$failed" ] && [ "$(wc -l <<<"$failed")" -le 3 ] || exit "$status"
echo "== once more, alone, what failed"
mapfile -t tests <<<"$failed"
.venv/bin/pytest -q -p no:xdist -p no:cacheprovider "${limit[@]}" "${tests[@]}" || exit 1
echo "== UNSTEADY, passed alone only:"
printf '   %s\n' "${tests[@]}"
