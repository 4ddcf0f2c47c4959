# SPDX-License-Identifier: EUPL-1.2
"""What makes a check start fast changes nothing: policies parsed when a wheel is built, files read in a copy of the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nis2check import files, frameworks
from nis2check.evidence import sandbox
from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import compose
from nis2check.evidence.sandbox import Job, Sandbox
from nis2check.model import FactSpec
from nis2check.rules import load

ROOT = Path(__file__).parent.parent

# This module is itself a reader, so that a child can be asked what it sees.
NAME = "witness"
FACTS: tuple[FactSpec, ...] = ()


def matches(path: str, head: bytes) -> bool:
    return True


def read(path: str, text: str) -> Iterator[Read | Unread]:
    if text == "bomb":
        bytearray(sandbox.MOST_MEMORY * 2)
    if text == "loop":
        while True:
            pass
    open_ = sorted(int(one) for one in os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield Read("witness", [os.getcwd(), dict(os.environ), open_[:3], len(open_), os.getpid()], 1)  # noqa: PTH109


def test_policies_of_a_checkout_are_parsed_again_when_one_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder, cache = tmp_path / "policies", tmp_path / "kept.json"
    folder.mkdir()
    rule = folder / "a.yaml"
    rule.write_text("clause: 8.1\nsince: 2026-11-22\nn: 3\n")
    said = {"clause": "8.1", "since": "2026-11-22", "n": 3}

    assert files._kept(folder, cache) == {"a.yaml": said}
    cache.write_bytes(cache.read_bytes().replace(b"8.1", b"9.9"))
    assert files._kept(folder, cache) == {"a.yaml": said | {"clause": "9.9"}}  # kept: not parsed again
    rule.write_text("clause: 8.10\n")
    assert files._kept(folder, cache) == {"a.yaml": {"clause": "8.10"}}
    (folder / "b.yaml").write_text("n: 1\n")
    assert files._kept(folder, cache).keys() == {"a.yaml", "b.yaml"}
    rule.unlink()
    assert files._kept(folder, cache).keys() == {"b.yaml"}


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"of": 1}', b"\xff", b"null"])
def test_a_damaged_or_unwritable_cache_costs_time_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder, cache = tmp_path / "policies", tmp_path / "kept.json"
    folder.mkdir()
    (folder / "a.yaml").write_text("n: 1\n")
    cache.write_bytes(damage)
    assert files._kept(folder, cache) == {"a.yaml": {"n": 1}}
    assert files._kept(folder, tmp_path / "missing" / "kept.json") == {}
    (folder / "a.yaml").write_text("n: [\n")
    assert files._kept(folder, cache) == {}  # the fault is told by whoever reads the file


def test_rules_and_framework_are_the_same_parsed_beforehand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = files.shipped("policies")
    parsed = {one.relative_to(folder).as_posix(): files.load_yaml(one).data for one in sorted(folder.rglob("*.yaml"))}
    monkeypatch.setattr(files, "_kept", lambda _folder, _cache: {})
    for cached in (files._compiled, load._rules_of, frameworks.load):
        cached.cache_clear()
    slow = load.digest(load.shipped_rules()), frameworks.load()
    (tmp_path / "compiled.json").write_text(json.dumps(parsed))
    monkeypatch.setattr(files, "COMPILED", str(tmp_path / "compiled.json"))
    files._compiled.cache_clear()
    load._rules_of.cache_clear()
    frameworks.load.cache_clear()
    try:
        assert len(files._compiled()) == len(parsed) > 100
        assert (load.digest(load.shipped_rules()), frameworks.load()) == slow
    finally:
        files._compiled.cache_clear()
        load._rules_of.cache_clear()
        frameworks.load.cache_clear()


def test_a_check_of_files_loads_no_network_code() -> None:
    code = (
        "import sys; import nis2check.cli.check, nis2check.evidence.sources, nis2check.evidence.tree, nis2check.scan;"
        "print([one for one in sys.modules if one.split('.')[0] in ('dns', 'asyncio', 'ssl', 'cryptography', 'nmap')"
        " or one.startswith('nis2check.evidence.net')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def asked(child: Sandbox, text: str) -> list[Read | Unread]:
    (answer,) = child.read([Job(sys.modules[__name__], "x", text)])
    return answer


@pytest.mark.skipif(sys.platform != "linux" or threading.active_count() > 1, reason="no copy is made here")
def test_a_copy_holds_nothing_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "open").open("wb"), Sandbox() as child:
        (found,) = asked(child, "")
    assert isinstance(found, Read)
    folder, environment, descriptors, count, pid = found.value
    assert (folder, environment, descriptors) == ("/", {}, [0, 1, 2])
    assert count == 4  # the fourth is that of the listing itself
    assert pid != os.getpid()


@pytest.mark.skipif(sys.platform != "linux" or threading.active_count() > 1, reason="no copy is made here")
def test_a_copy_dies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "CPU_SECONDS", 1)
    with Sandbox() as child:
        (bomb,) = asked(child, "bomb")
        assert isinstance(bomb, Unread) and "memory" in bomb.detail
        (loop,) = asked(child, "loop")
        assert isinstance(loop, Unread) and loop.why == "limit"
        assert isinstance(asked(child, "")[0], Read)


def test_both_children_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [
        Job(sys.modules[compose.__name__], "compose.yaml", "services:\n  a:\n    image: nginx\n    privileged: true\n")
    ]
    with Sandbox() as child:
        one = child.read(jobs)
    monkeypatch.setattr(sandbox, "_start", sandbox._new_interpreter)
    with Sandbox() as child:
        other = child.read(jobs)
    assert one == other
    assert any(isinstance(found, Read) for found in one[0])
