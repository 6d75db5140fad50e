"""The ``cnnedge`` command; ``python -m cnnedge`` is the same program."""

import sys


def main() -> None:
    from cnnedge import console

    console.mend_streams()
    from cnnedge.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
