# Sourced by quickstart and test: a virtual environment in .venv with the pinned packages, made once.
# CNNEDGE_PYTHON chooses the interpreter; otherwise the first of python3, 3.13, 3.12, 3.11 that is 3.11 to 3.13.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# The commands and the tests start many children; without written bytecode each compiles the package anew.
unset PYTHONDONTWRITEBYTECODE

find_python() {
    local candidate
    for candidate in ${CNNEDGE_PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11 to 3.13 found: install one, or name it with CNNEDGE_PYTHON=/path/to/python3" >&2
    return 1
}

# The stamp holds what was installed; a changed pin or another Python installs again.
prepare_environment() {
    local python stamp
    python=$(find_python)
    stamp=$("$python" --version; sha256sum < requirements.txt; sha256sum < pyproject.toml)
    if [ "$(cat .venv/installed 2>/dev/null)" != "$stamp" ]; then
        if [ "$(uname -m)" != x86_64 ] && [ "$(uname -m)" != aarch64 ]; then
            echo "error: $(uname -m) has no TensorFlow wheels: use a 64-bit system (x86_64 or aarch64)" >&2
            return 1
        fi
        echo "Making .venv and installing the pinned packages (3 GB, one to five minutes) ..."
        rm -rf .venv
        "$python" -m venv .venv
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
        echo "$stamp" > .venv/installed
    fi
}
