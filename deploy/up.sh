#!/usr/bin/env bash
# Sets up what the stack needs, then becomes deploy/up.py, which runs it. See --help.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=deploy/lib.sh
. "$root/deploy/lib.sh"

# A relative TOCSIN_HOME starts where the caller stands, not where this script goes.
export TOCSIN_HOME="${TOCSIN_HOME:-$root/.tocsin}"
case "$TOCSIN_HOME" in /*) ;; *) TOCSIN_HOME="$PWD/$TOCSIN_HOME" ;; esac
cd "$root"

case " $* " in
*" -h "* | *" --help "*)
  python="$(find_python)" || die "Python 3.11 or newer is needed to print the help"
  exec "$python" -m deploy.up --help
  ;;
esac

alertmanager="$(command -v alertmanager || echo prometheus-alertmanager)"
ensure_programs "$root" prometheus:prometheus "$alertmanager:prometheus-alertmanager"
make_venv "$root" exporter,receiver,charts
exec "$root/.venv/bin/python" -m deploy.up "$@"
