# SPDX-License-Identifier: EUPL-1.2
"""Print one of README's two command lines (``demo`` or ``test``): the line that follows ``<!-- command: NAME -->``."""

import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def command(name: str) -> str:
    """The shell line of README marked with this name."""
    lines = README.read_text(encoding="utf-8").splitlines()
    at = lines.index(f"<!-- command: {name} -->")
    return lines[at + 2]  # the mark, the fence, the line


if __name__ == "__main__":
    print(command(sys.argv[1]))
