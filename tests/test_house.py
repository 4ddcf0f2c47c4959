# SPDX-License-Identifier: EUPL-1.2
"""The house of DESIGN 2, held with ``ast`` alone: floors, one door to the network, complete families, pure middle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from nis2check.evidence.probes import PROBES
from nis2check.evidence.sources import READERS, fact_specs
from nis2check.report.formats import FORMATS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nis2check"

# From the cellar up. A room imports rooms of lower floors only; rooms of one floor do not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("model", "errors", "printing"),
    ("language",),
    ("strict_yaml",),
    ("files",),
    ("frameworks", "bodyfile", "emblem", "sheets"),
    ("case",),
    (
        "law",
        "evidence",
        "rules",
        "plan",
        "register",
        "attest",
        "report",
        "history",
        "notify",
        "demo",
        "bundle",
        "imports",
    ),
    ("result", "serve"),  # the dashboard knows the history and the report
    ("scan",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

NETWORK = {
    "socket",
    "ssl",
    "asyncio",
    "subprocess",
    "multiprocessing",
    "nmap",
    "smtplib",
    "urllib.request",
    "http.client",
    "http.server",
    "socketserver",
    "psycopg",
    "psycopg.conninfo",
    "sqlite3",  # no network, but a door of its own all the same
}
# The only modules that may open a socket or a child process, and for what.
MAY_TOUCH = {
    "evidence/wire.py": {"asyncio"},  # the one door to targets
    "evidence/connection.py": {"socket", "asyncio"},  # what the door opens
    "evidence/pace.py": {"asyncio"},  # waits for a turn; opens nothing
    "evidence/nmap.py": {"nmap", "asyncio"},  # the nmap runner
    "evidence/sandbox.py": {"subprocess", "multiprocessing"},  # parsers of foreign syntax
    "evidence/gitbase.py": {"subprocess"},  # git, for `check --diff` alone
    "evidence/collect.py": {"asyncio"},  # schedules looks; opens nothing
    "evidence/names.py": {"asyncio"},  # schedules questions; opens nothing
    "evidence/question.py": {"asyncio"},
    "evidence/net": {"asyncio", "ssl"},  # tasks and TLS in memory; sockets only through the wire
    "demo": {"socket", "socketserver", "ssl"},  # the servers of the demo town
    "notify": {"socket", "ssl", "smtplib", "http.client"},  # to addresses that the user gives, never to a target
    "history/sqlite.py": {"sqlite3"},
    "history/postgresql.py": {"psycopg", "psycopg.conninfo"},
    "serve/server.py": {"socket", "socketserver", "http.server"},  # the dashboard, on the loopback
    "cli": {"asyncio"},  # asyncio.run at the top
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: str) -> str:
    return path.split("/")[0].removesuffix(".py")


def test_imports_go_down_and_rooms_of_one_floor_do_not_know_each_other() -> None:
    wrong = []
    for path, tree in modules():
        here = room_of(path)
        for name in imports(tree):
            if not name.startswith("nis2check."):
                continue
            there = name.split(".")[1]
            if there in FLOOR and there != here and FLOOR[there] >= FLOOR[here]:
                wrong.append(f"{path} imports {name}")

    assert wrong == []


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path, _tree in modules()} - {"__init__"}

    assert rooms - set(FLOOR) == set()


def test_nobody_imports_from_the_package_root() -> None:
    """But for its version, the only thing that lives there; a module of the top floor is not the root."""
    rooms = set(FLOOR)
    wrong = [
        f"{path}: {alias.name}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "nis2check"
        for alias in node.names
        if alias.name != "__version__" and alias.name not in rooms
    ]

    assert wrong == []


def test_only_the_named_doors_touch_a_network_or_a_child_process() -> None:
    wrong = []
    for path, tree in modules():
        allowed = next(
            (names for door, names in MAY_TOUCH.items() if path == door or path.startswith(door + "/")), set()
        )
        touched = {name for name in imports(tree) if name in NETWORK}
        wrong += [f"{path} imports {name}" for name in sorted(touched - allowed)]

    assert wrong == []


@pytest.mark.parametrize("room", ["law", "rules", "plan", "report"])
def test_the_middle_is_pure(room: str) -> None:
    """No clock, no console: the date is a parameter. Reading shipped policies is the one thing a loader may do."""
    banned = {"datetime.now", "date.today", "time.time", "print", "input"}
    wrong = []
    for path, tree in modules():
        if room_of(path) != room:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("datetime.") in banned:
                wrong.append(f"{path}:{node.lineno} {ast.unparse(node.func)}")

    assert wrong == []


def family(folder: str) -> set[str]:
    """The members that a folder holds: its public modules and packages that declare a NAME."""
    found = set()
    for path in (PACKAGE / folder).iterdir():
        module = path / "__init__.py" if path.is_dir() else path
        if module.suffix == ".py" and module.is_file() and module != PACKAGE / folder / "__init__.py":
            names = {
                target.id
                for node in ast.parse(module.read_text(encoding="utf-8")).body
                if isinstance(node, ast.Assign | ast.AnnAssign)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                if isinstance(target, ast.Name)
            }
            imported = {name.rpartition(".")[2] for name in imports(ast.parse(module.read_text(encoding="utf-8")))}
            if "NAME" in names | imported:
                found.add(path.stem)
    return found


@pytest.mark.parametrize(
    ("folder", "members"), [("evidence/net", PROBES), ("evidence/repo", READERS), ("report", FORMATS)], ids=str
)
def test_every_member_of_a_family_is_in_its_tuple(folder: str, members: tuple[object, ...]) -> None:
    listed = {str(getattr(member, "__name__", "")).removeprefix("nis2check.").split(".")[-1] for member in members}

    assert family(folder) == listed


def test_facts_are_declared_once_and_well() -> None:
    types = {"null", "boolean", "integer", "number", "string", "array", "object"}
    for name, spec in fact_specs().items():
        assert name == spec.name == name.lower() and "." in name
        assert set([spec.type] if isinstance(spec.type, str) else spec.type) <= types, name
        assert spec.meaning.strip(), name


def test_every_file_says_its_licence() -> None:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    silent = [path.name for path in files if "SPDX-License-Identifier:" not in path.read_text(encoding="utf-8")[:200]]

    assert silent == []
