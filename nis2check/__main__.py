# SPDX-License-Identifier: EUPL-1.2
"""The door: ``nis2check`` and ``python -m nis2check``. ``--version`` answers before anything heavy is imported."""

import sys


def entry() -> None:
    """Run the command line and exit with a code of the table in DESIGN (never click's own 1)."""
    if sys.argv[1:] == ["--version"]:
        sys.exit(_version())
    try:
        from nis2check.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while modules are still imported
        code = 130
    sys.exit(code)


def _version() -> int:
    import os

    from nis2check import __version__

    try:
        os.write(1, f"nis2check {__version__}\n".encode())  # unbuffered: a full disk is seen here, not at exit
    except OSError:
        return 74
    return 0


if __name__ == "__main__":
    entry()
