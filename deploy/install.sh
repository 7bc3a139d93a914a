#!/usr/bin/env bash
# Install Debian packages with their own services neither started nor enabled.
# Usage, as root: bash deploy/install.sh PACKAGE...
set -euo pipefail

policy=/usr/sbin/policy-rc.d
mark="# made by Tocsin's install.sh; may go when no installation runs"

installed() {
  dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii *//p' | sort -u
}

# Maintainer scripts ask policy-rc.d before they start anything. One that is there stays.
forbid_starts() {
  if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
  fi
}

apt_install() {
  apt-get install --yes --quiet=2 --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" </dev/null >/dev/null
}

# Maintainer scripts enable what they install; undo that for the packages that came just now.
disable_units() {
  local package path
  for package in "$@"; do
    while read -r path; do
      deb-systemd-helper disable "${path##*/}" >/dev/null 2>&1 || true
    done < <(dpkg-query --listfiles "$package" | grep -E '/systemd/system/[^/]+\.(service|socket|timer)$')
    while read -r path; do
      update-rc.d "${path##*/}" disable >/dev/null 2>&1 || true
    done < <(dpkg-query --listfiles "$package" | grep -E '^/etc/init\.d/[^/]+$')
  done
}

[ "$#" -gt 0 ] || { echo "usage: install.sh PACKAGE..." >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "install.sh: run me as root" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
printf 'Installing Debian packages, services neither started nor enabled: %s\n' "$*"
before="$(installed)"
forbid_starts
apt_install "$@" || { apt-get update --quiet=2 </dev/null && apt_install "$@"; }
mapfile -t new < <(comm -13 <(printf '%s\n' "$before") <(installed))
disable_units "${new[@]}"
