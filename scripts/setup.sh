#!/usr/bin/env bash
# Installs what Vernier is built from: Debian packages, LibTorch and CUDA's headers from PyPI into .deps/.
# Usage: scripts/setup.sh [--libtorch DIR]   (or VERNIER_LIBTORCH=DIR: your own LibTorch instead of the wheel)
# Everything that is already there is left alone; an interrupted run leaves nothing half installed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/scripts/pip_install.sh"

packages=(
  build-essential ca-certificates ccache clang-format cmake ninja-build pkg-config python3 python3-pip
  libbenchmark-dev libcli11-dev libgmock-dev libgtest-dev libicu-dev libpcre2-dev libsentencepiece-dev libsimdjson-dev
  libspdlog-dev libssl-dev libxxhash-dev libyaml-cpp-dev nlohmann-json3-dev
)
libtorch=${VERNIER_LIBTORCH:-}

fail() {
  echo "setup: $*" >&2
  exit 1
}

missing_packages() {
  local installed
  # dpkg-query fails when it does not know one of them: that one is missing then.
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
    awk '$2 == "installed" {print $1}') || true
  comm -23 <(printf '%s\n' "${packages[@]}" | sort -u) <(sort -u <<<"$installed") | xargs
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this is not Debian (no dpkg-query); install by hand: ${packages[*]}"
  local missing as_root=()
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  echo "setup: installing $missing"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "missing packages, and neither root nor sudo; as root: apt-get install $missing"
    as_root=(sudo)
    # Without a terminal nobody can answer sudo's question for a password.
    [ -t 0 ] || as_root=(sudo -n)
    "${as_root[@]}" true || fail "missing packages, and sudo refused; as root: apt-get install $missing"
  fi
  # shellcheck disable=SC2086 # one word a package
  { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >&2 ||
    fail "apt-get failed; still missing: $(missing_packages)"
  missing=$(missing_packages)
  [ -z "$missing" ] || fail "still missing after apt-get: $missing"
}

check_libtorch() {
  local file
  for file in lib/libtorch_cpu.so lib/libc10.so include/ATen/core/Tensor.h; do
    [ -e "$1/$file" ] || fail "no LibTorch in $1: $file is missing"
  done
}

install_libtorch() {
  if [ -n "$libtorch" ]; then
    check_libtorch "$libtorch"
    echo "setup: LibTorch of $libtorch (build with -DVERNIER_LIBTORCH=$libtorch)"
    return
  fi
  [ "$(uname -m)" = x86_64 ] || fail "the LibTorch wheel is for x86_64, this is $(uname -m); give --libtorch DIR"
  pip_install "$root/scripts/requirements/torch.txt" "$root/.deps/torch"
  check_libtorch "$root/.deps/torch/torch"
  pip_install "$root/scripts/requirements/cuda.txt" "$root/.deps/cuda"
}

while [ $# -gt 0 ]; do
  case $1 in
    --libtorch)
      [ $# -ge 2 ] || fail "--libtorch needs a folder"
      libtorch=$2
      shift 2
      ;;
    --libtorch=*)
      libtorch=${1#*=}
      shift
      ;;
    -h | --help)
      sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) fail "unknown argument $1 (only --libtorch DIR)" ;;
  esac
done

install_packages
install_libtorch
echo "setup: everything is installed"
