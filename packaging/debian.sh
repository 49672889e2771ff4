# What the tests of the package share: a Debian of their own in $root. Sourced by bash, with -eu
# and pipefail, by a script whose name is in $name.
#
# Needs root, and a Debian whose packages apt can fetch: the mirror is the one of this machine.
# The bare Debian and the packages are kept in the cache.
# shellcheck shell=bash

skip() { echo "$name: skipped: $*" >&2; exit 0; }
[ "$(id -u)" -eq 0 ] || skip "it makes a Debian of its own, which needs root"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# shellcheck disable=SC2016 # the names are apt's
sources=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) main' | awk -v s="$suite" '$1 == "Debian" && index($3, s) == 1 {print $2, $3, $4}' | sort -u)
mirror=$(awk -v s="$suite" '$2 == s {print $1; exit}' <<<"$sources")
[ -n "$mirror" ] || skip "apt knows no mirror of Debian here"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/saisine-tests/deb
base=$cache/$suite-$(dpkg --print-architecture).tar
mkdir -p "$cache/archives/partial"
work=$(mktemp -d)
root=$work/root
mkdir "$root"
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/checks.sh"

in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
apt() { in_root apt-get -qq -y "$@" >"$work/apt.log" 2>&1 || fail "apt-get $*: $(tail -n 20 "$work/apt.log")"; }

# plant unpacks the bare Debian, with apt as it is here, and mounts what apt needs; uproot undoes the latter.
plant() {
  if [ ! -e "$base" ]; then
    step "making the bare Debian ($suite), once"
    debootstrap --variant=minbase --include=ca-certificates,systemd,systemd-sysv,dbus,sudo "$suite" "$work/base" "$mirror" >"$work/debootstrap.log" || fail "debootstrap: $(tail -n 3 "$work/debootstrap.log")"
    rm -f "$work"/base/var/cache/apt/archives/*.deb
    tar -C "$work/base" -cf "$base.new" .
    mv "$base.new" "$base"
    rm -rf "$work/base"
  fi
  tar -C "$root" -xf "$base"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  rm -f "$root"/etc/apt/sources.list.d/*
  awk '{print "deb", $1, $2, $3}' <<<"$sources" >"$root/etc/apt/sources.list"
  # As apt is told to reach it here.
  apt-config dump | grep -E '^Acquire::.*Proxy' >"$root/etc/apt/apt.conf.d/90proxy" || true
  echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' >"$root/etc/apt/apt.conf.d/91keep"
  for keyring in /usr/share/keyrings/debian-archive-keyring.gpg; do
    [ ! -e "$keyring" ] || install -D -m 0644 "$keyring" "$root$keyring"
  done
  mount -t proc proc "$root/proc"
  mount --bind "$cache/archives" "$root/var/cache/apt/archives"
}
uproot() {
  umount "$root/var/cache/apt/archives"
  umount "$root/proc"
}

holders=()
# sweep ends what was started and removes what was made; nothing of this machine may still be mounted below.
sweep() {
  for p in "${holders[@]}"; do kill -9 "$p" 2>/dev/null && wait "$p" 2>/dev/null || true; done
  for m in var/cache/apt/archives proc; do umount "$root/$m" 2>/dev/null || true; done
  if ! grep -q " $work" /proc/self/mounts; then rm -rf "$work"; fi
}
trap sweep EXIT
