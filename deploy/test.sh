#!/usr/bin/env bash
# The one test command: sets up what the tests need, then runs format, lint, types and tests.
# Usage: bash deploy/test.sh [--long]      --long also runs the tests that are marked so
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=deploy/lib.sh
. "$root/deploy/lib.sh"
cd "$root"

case "$*" in
"") marks=(-m "not long" -n 2 --dist loadfile) ;;
--long) marks=() ;; # one after the other: these are timed
*) die "unknown argument: $*; there is only --long" ;;
esac

run() {
  printf '\n+ %s\n' "$*"
  "$@" </dev/null
}

ensure_programs "$root" prometheus:prometheus amtool:prometheus-alertmanager \
  prometheus-node-exporter:prometheus-node-exporter exim4:exim4-daemon-light \
  pg_ctlcluster:postgresql
ensure_programs "$root" promtool:promtool # a package of its own since Debian 13
make_venv "$root" dev
export PATH="$root/.venv/bin:$PATH"

run ruff format --check .
run ruff check .
run mypy
if command -v shellcheck >/dev/null; then
  run shellcheck --external-sources .ci/run deploy/*.sh
else
  printf '\nskipped: shellcheck is not installed\n'
fi
run python -m pytest "${marks[@]}"
