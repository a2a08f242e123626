# Sourced by other scripts: pip_install REQUIREMENTS FOLDER unpacks wheels pinned by version and SHA-256 into FOLDER.
# FOLDER appears by rename when all of it is there, with a stamp of REQUIREMENTS; with the same stamp nothing is done.

# Prints a python3 that has pip: the user's own, else Debian's.
python_with_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  echo "pip is missing: apt-get install python3-pip" >&2
  return 1
}

pip_install() {
  local requirements=$1 folder=$2 stamp python partial
  stamp=$(sha256sum "$requirements" | cut -d ' ' -f 1)
  # pip is started only when there is something to do: it alone takes most of a second.
  if [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  python=$(python_with_pip)
  mkdir -p "$(dirname "$folder")"
  # The lock is freed by the system however this process ends, so whatever carries a .partial name then is debris.
  exec 9>"$folder.lock"
  flock 9
  if [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$folder".partial.*
    partial=$(mktemp -d "$folder.partial.XXXXXX")
    echo "setup: installing $(grep -o '^[a-z0-9-]*==[0-9.]*' "$requirements" | xargs) into ${folder#"$PWD/"}" >&2
    # The platform is that of the wheels, not of this Python: any python3 can unpack them. --target takes no part in
    # Debian's rule that pip must not touch the system's Python.
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile --require-hashes \
      --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 --abi none \
      --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 \
      --platform manylinux2014_x86_64 --platform any --target "$partial" --requirement "$requirements" || {
      rm -rf "$partial"
      echo "setup: pip could not install what $requirements names" >&2
      return 1
    }
    echo "$stamp" >"$partial/.stamp"
    chmod 755 "$partial"
    # A rename cannot replace a folder that is not empty, so an old one steps aside first.
    if [ -e "$folder" ]; then
      mv "$folder" "$partial.old"
    fi
    mv "$partial" "$folder"
    rm -rf "$folder".partial.*
  fi
  exec 9>&-
}
