# What is tried of a saisine that runs under systemd, here or in a machine of its own. Sourced by
# bash, with -eu and pipefail. host runs a command as root of the system that is tried, as one as
# the user saisine, and curl_ is curl where the daemon listens; patience multiplies the times (1).
# shellcheck shell=bash

patience=${patience:-1}
begun=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - begun)) "$*"; }
fail() {
  echo "FAIL: $*" >&2
  [ ! -e "${root:-}/tmp/serve.log" ] || tail -n 20 "${root:-}/tmp/serve.log" >&2
  exit 1
}
same() { [ "$2" = "$3" ] || fail "$1: got \"$2\", want \"$3\""; }
within() { # SECONDS WHAT COMMAND...
  local end=$(($(date +%s) + $1 * patience)) what=$2
  shift 2
  until "$@"; do
    [ "$(date +%s)" -lt "$end" ] || fail "$what"
    sleep 0.2
  done
}

ready() { curl_ -f -o /dev/null http://127.0.0.1:8081/readyz 2>/dev/null; }
post() { # FIELDS...: prints where the citizen is sent
  curl_ -o /dev/null -D - -F name='Jeanne Martin' -F email=jeanne@example.fr -F category=voirie -F 'place=3, rue des Lilas' "$@" http://127.0.0.1:8080/demandes |
    tr -d '\r' | sed -n 's/^[Ll]ocation: //p'
}
# shellcheck disable=SC2317
requests() { [ "$(as saisine requests list --json 2>/dev/null | wc -l)" = "$1" ]; }
doctor() { # FILE: everything is well, but for the clock, which nobody sets here
  grep -q '"check":"reading child is cut off","ok":true' "$1" || fail "doctor: reading children are not cut off: $(cat "$1")"
  ! grep '"ok":false' "$1" | grep -v '"check":"clock"' >"$work/bad" || fail "doctor: $(cat "$work/bad")"
}
show() { host systemctl show -p "$1" --value "${2:-saisine}" 2>/dev/null; }
# shellcheck disable=SC2317
active() { [ "$(show ActiveState)" = active ] && ready; }
journal() { host journalctl --no-pager -q -u saisine -n "${1:-40}"; }
pid() { show MainPID; }

# The unit's sandbox around any command.
sandboxed() { # NAME COMMAND...
  local name=$1
  shift
  host sh -c "sed -e 's/^Type=.*/Type=oneshot/' -e '/^Restart/d' -e '/^Watchdog/d' -e 's|^ExecStart=.*|ExecStart=$*|' /lib/systemd/system/saisine.service >/run/systemd/system/$name.service
    printf '[Service]\nStandardOutput=file:/run/$name.out\nStandardError=file:/run/$name.err\nEnvironment=SAISINE_SMTP_PASSWORD_FILE=credential:smtp\n' >/run/systemd/system/$name.service.d.conf
    mkdir -p /run/systemd/system/$name.service.d && mv /run/systemd/system/$name.service.d.conf /run/systemd/system/$name.service.d/test.conf
    systemctl daemon-reload"
  host systemctl start "$name" 2>/dev/null || true
}

# credentials tries secrets that only root can read, and doctor within the unit's sandbox.
credentials() {
  sandboxed without /usr/bin/saisine check-config
  host cat /run/without.err | grep 'no such credential' >/dev/null || fail "a credential that is missing was not missed: $(host cat /run/without.err)"
  host sh -c 'umask 077; echo motdepasse >/etc/saisine/credentials/smtp'
  sandboxed with /usr/bin/saisine check-config
  host grep -q 'no problem found' /run/with.out || fail "a credential of root's own is not handed over: $(host cat /run/with.err)"
  sandboxed doctor /usr/bin/saisine doctor --json
  host cat /run/doctor.out >"$work/doctor"
  doctor "$work/doctor"
  step "credentials and doctor within the unit's sandbox"
}

letter() { # DEVICE FILE WORDS
  host sh -c "umask 022; printf '%%!PS\n/Helvetica findfont 16 scalefont setfont\n%s' '72 700 moveto (Madame la Maire,) show 72 660 moveto ($3) show 72 630 moveto (Merci de le faire reparer avant cet hiver.) show showpage' >/tmp/letter.ps &&
    gs -q -dBATCH -dNOPAUSE -sDEVICE=$1 -r200 -o $2 /tmp/letter.ps"
}
# shellcheck disable=SC2317
read_any() { for id in $(as saisine submissions list --json | sed -n 's/^{"id":"\([^"]*\)".*/\1/p'); do as saisine submissions show "$id" --json | grep "$1" >/dev/null && return; done; return 1; }

# paper tries a letter on paper: OCR, in the sandbox within the sandbox.
paper() {
  host groupadd --system scans
  host install -d -o root -g scans -m 2770 /srv/scans
  host install -D -m 0644 /usr/share/doc/saisine/examples/scans.conf /etc/systemd/system/saisine.service.d/scans.conf
  host sh -c 'printf "[Service]\nEnvironment=SAISINE_CHANNELS_SCANS_0_NAME=courrier SAISINE_CHANNELS_SCANS_0_DIR=/srv/scans SAISINE_CHANNELS_SCANS_0_POLL=1s SAISINE_CHANNELS_SCANS_0_STABLE_FOR=1s\n" >/etc/systemd/system/saisine.service.d/scans-config.conf; systemctl daemon-reload; systemctl restart saisine'
  within 60 "the service does not start with the drop-in for scans: $(journal)" active
  letter tiffg4 /tmp/letter.tif "Le banc du square Voltaire est casse, un enfant est tombe."
  host install -o root -g scans -m 0660 /tmp/letter.tif /srv/scans/letter.tif
  within 120 "the scan was not read: $(journal)" read_any "banc du square Voltaire"
  # shellcheck disable=SC2317
  filed() { [ -n "$(host find /srv/scans/_traités -name 'letter.tif.re*u.txt')" ]; }
  within 60 "no note beside the scan: $(journal)" filed
  # shellcheck disable=SC2317
  copied() { [ -n "$(host find /var/lib/saisine/copies -type f 2>/dev/null)" ]; }
  within 180 "no searchable copy: $(journal)" copied
  host sh -c 'grep -aq "pdfaid:part" $(find /var/lib/saisine/copies -type f)' || fail "the searchable copy is no PDF/A: $(journal)"
  step "a scan was read, noted and copied as PDF/A, with the drop-in scans.conf"
}

# restarts tries a reload, and that systemd starts anew what was killed and what hangs.
restarts() {
  host systemctl reload saisine || fail "reload"
  before=$(pid)
  host sh -c "kill -9 $before"
  restarted() { [ "$(pid)" != "$before" ] && active; }
  within 60 "not started anew after kill -9: $(journal)" restarted
  before=$(pid)
  host sh -c "kill -STOP $before"
  within 90 "not started anew when frozen: $(journal)" restarted
  host journalctl --no-pager -q -u saisine | grep -i 'watchdog' >/dev/null || fail "no word of the watchdog"
  step "started anew by systemd when killed, and when frozen"
}
