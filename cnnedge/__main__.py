"""The ``cnnedge`` command; ``python -m cnnedge`` is the same program."""

import os
import sys


def main() -> None:
    from cnnedge import console

    console.mend_streams()
    from cnnedge.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    # ``python -m`` looks into the current folder first, and would run a ``numpy.py`` that lies in it.
    if not sys.flags.safe_path and sys.path[0] == os.getcwd():  # noqa: PTH109 - nor a ``pathlib.py``
        sys.path.append(sys.path.pop(0))
    main()
