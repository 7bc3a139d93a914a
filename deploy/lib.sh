# shellcheck shell=bash
# What up.sh and test.sh share: finding Python, Debian's packages, the virtual environment.

# Administration programs live in sbin, which an ordinary user's PATH may lack.
PATH="$PATH:/usr/sbin:/sbin"

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Print the first Python that is new enough and can make a virtual environment.
find_python() {
  local python
  for python in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$python"
      return
    fi
  done
  return 1
}

# ensure_programs ROOT PROGRAM:PACKAGE...: install the packages of the programs that are missing,
# and Python where there is none that will do.
ensure_programs() {
  local root="$1" pair missing=()
  shift
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  find_python >/dev/null || missing+=(python3 python3-venv)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "not installed: ${missing[*]}; on Debian run as root: bash $root/deploy/install.sh ${missing[*]}"
  fi
  bash "$root/deploy/install.sh" "${missing[@]}" || die "could not install: ${missing[*]}"
  find_python >/dev/null || die "Python 3.11 or newer with venv is needed; Debian 12 and newer have it"
}

# make_venv ROOT EXTRAS: bring ROOT/.venv up to date with pyproject.toml; does nothing when it is.
make_venv() {
  local root="$1" extras="$2" venv="$1/.venv" python stamp state
  [ -x "$venv/bin/python" ] || "$(find_python)" -m venv "$venv" || die "could not make $venv"
  python="$venv/bin/python"
  stamp="$venv/.installed-$extras"
  state="$root $("$python" -V) $(cksum <"$root/pyproject.toml")"
  [ "$(cat "$stamp" 2>/dev/null)" != "$state" ] || return 0
  printf 'Installing Python packages into %s\n' "$venv"
  if ! { "$python" -m pip install --quiet --disable-pip-version-check uv &&
    "$venv/bin/uv" pip install --quiet --python "$python" --editable "${root}[$extras]"; }; then
    printf 'uv did not do it; trying pip\n'
    "$python" -m pip install --quiet --disable-pip-version-check --editable "${root}[$extras]" ||
      die "could not install the Python packages; see above"
  fi
  printf '%s\n' "$state" >"$stamp"
}
