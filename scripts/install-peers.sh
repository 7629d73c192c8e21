#!/bin/sh
# Installs the real clients and servers that the demonstration (demo), the tests (test) or the benchmarks (bench) use, on Debian as root.
# Elsewhere it says what is missing and goes on: the tests then say what they skipped.
set -eu
case "${1:-test}" in
  demo) programs="sftp:openssh-client ssh-keygen:openssh-client curl:curl age:age" ;;
  test) programs="sftp:openssh-client ssh-keygen:openssh-client sshd:openssh-server curl:curl sshfs:sshfs lftp:lftp
    rclone:rclone sshpass:sshpass age:age pg_ctl:postgresql openssl:openssl
    chromium:chromium firefox-esr:firefox-esr" ;;
  bench) programs="sftp:openssh-client sshd:openssh-server curl:curl lftp:lftp rclone:rclone nginx:nginx-light
    proftpd:proftpd-mod-crypto taskset:util-linux openssl:openssl" ;;
  *) echo "usage: $0 demo|test|bench" >&2; exit 2 ;;
esac
PATH="$PATH:/usr/sbin:/sbin"
for directory in /usr/lib/postgresql/*/bin; do PATH="$PATH:$directory"; done
missing=""
for pair in $programs; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of package names
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null ||
    echo "Could not install:$missing" >&2
else
  echo "Missing here (install them with your system's package manager):$missing" >&2
fi
