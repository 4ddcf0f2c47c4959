# SPDX-License-Identifier: EUPL-1.2
"""README in step with the code. ``command NAME`` prints one of its two command lines; ``write`` renews its tables.

A test compares the tables with what this makes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nis2check.cli.exits import MEANINGS
from nis2check.cli.main import COMMANDS
from nis2check.printing import french

README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def command(name: str) -> str:
    """The shell line of README that follows ``<!-- command: NAME -->``."""
    lines = README.read_text(encoding="utf-8").splitlines()
    at = lines.index(f"<!-- command: {name} -->")
    return lines[at + 2]  # the mark, the fence, the line


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def commands() -> str:
    rows = [(f"`{name}`", french(text)) for name, (_module, text) in COMMANDS.items()]
    return _table(("Commande", "Ce qu'elle fait"), rows)


def exits() -> str:
    return _table(("Code", "Sens"), [(f"**{int(code)}**", french(text)) for code, text in MEANINGS.items()])


def formats() -> str:
    from nis2check.report.formats import EXTRAS, FOLDERS, FORMATS

    rows = [
        (
            f"`{one.NAME}`",
            one.MEDIA,
            f"`{one.SUFFIX}`",
            f"`{EXTRAS[one.NAME].name}`" if one.NAME in EXTRAS else "",
            f"`{one.NAME}=DOSSIER/`" if one.NAME in FOLDERS else "",
        )
        for one in FORMATS
    ]
    return _table(("Format", "Type", "Suffixe", "Extra", "En plusieurs fichiers"), rows)


def probes() -> str:
    from nis2check.evidence.probes import PROBES
    from nis2check.evidence.sources import READERS

    rows = [
        (f"`{probe.NAME}`", "sonde", str(len(probe.FACTS)), ", ".join(f"`{f.name}`" for f in probe.FACTS))
        for probe in PROBES
    ]
    rows += [
        (f"`{reader.NAME}`", "lecteur", str(len(reader.FACTS)), ", ".join(f"`{f.name}`" for f in reader.FACTS))
        for reader in READERS
    ]
    return _table(("Source", "Nature", "Faits", "Noms"), rows)


def regimes() -> str:
    from nis2check.files import load_yaml, shipped

    folder = shipped("policies") / "law"
    rows = []
    for path in sorted(folder.rglob("*.yaml")):
        data = load_yaml(path).data
        rows.append(
            (f"`{path.relative_to(folder).with_suffix('').as_posix()}`", data["state"], french(data["title"]["fr"]))
        )
    return _table(("Régime", "État", "Ce qu'il dit"), rows)


TABLES = {"commands": commands, "exits": exits, "formats": formats, "sources": probes, "regimes": regimes}


def renewed(text: str) -> str:
    """README's text with every table made anew."""
    return _BLOCK.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


if __name__ == "__main__":
    if sys.argv[1] == "command":
        print(command(sys.argv[2]))
    else:
        README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
