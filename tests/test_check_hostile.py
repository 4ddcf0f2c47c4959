# SPDX-License-Identifier: EUPL-1.2
"""``check`` on trees made to break it: bounded time and memory, a gap with its place, the good file judged all the same."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
GOOD = "services:\n  a:\n    image: x:1\n    ports: ['3306:3306']\n"
SECONDS = 60.0  # far above what any of these takes, far below what an unbounded one would
MEMORY = 600 << 20  # bytes of address space that the whole may take but for its reading child

Judge = Callable[..., dict[str, Any]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """The result of the real command on ``tree``, within time and memory; the good file must have been judged."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "compose.yaml").write_text(GOOD)

    def run(*options: str, code: int = 1) -> dict[str, Any]:
        before = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "nis2check", "check", "tree", "--json", "--on", "2026-11-22", *options],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
            capture_output=True,
            timeout=2 * SECONDS,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
        assert time.monotonic() - before < SECONDS
        assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert any(one["rule"] == "compose/database-ports" and one["verdict"] == "fail" for one in found["findings"])
        return found

    return run


def gaps(found: dict[str, Any]) -> dict[str, str]:
    return {gap["where"].rpartition(":")[0]: gap["detail"] for gap in found["gaps"]}


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        stream.truncate(size)


def test_files_of_100_mb_are_gaps(judge: Judge, tmp_path: Path) -> None:
    for name in ("huge.tf", "huge-compose.yaml", "docker-compose.huge.yml", "zones/db.huge", "huge.conf", "main.tf"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(exist_ok=True)
        sparse(path, 100 << 20)
    found = gaps(judge())
    assert "larger than 5 MiB" in found["docker-compose.huge.yml"]
    assert len(found) >= 3


@pytest.mark.parametrize(
    "name", ["docker-compose.x.yml", "main.tf", "Dockerfile", "site.conf", ".github/workflows/x.yml"]
)
@pytest.mark.parametrize(
    "data",
    [b"\x7fELF\x02\x01" + bytes(4000), b"\xff\xfe" + "services: {}".encode("utf-16-le"), b"\xc3\x28\xa0\xa1\n" * 500],
    ids=["elf", "utf-16", "invalid utf-8"],
)
def test_a_wrong_extension_costs_its_own_file(judge: Judge, tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / "tree" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    found = judge()
    assert all(gap["why"] != "our_bug" for gap in found["gaps"])


def test_links_are_never_followed(judge: Judge, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "loop").symlink_to(".")
    (tree / "self.yaml").symlink_to("self.yaml")
    (tree / "a").mkdir()
    (tree / "a" / "up").symlink_to("..")
    (tmp_path / "outside.yml").write_text(GOOD)
    (tree / "docker-compose.out.yml").symlink_to("../outside.yml")
    (tree / "etc").symlink_to("/etc")
    found = judge()
    assert {"docker-compose.out.yml", "etc"} <= set(gaps(found))
    assert not any(one["target"]["name"] == "docker-compose.out.yml" for one in found["findings"])


def test_yaml_bombs_are_gaps(judge: Judge, tmp_path: Path) -> None:
    laughs = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    (tmp_path / "tree" / "docker-compose.laughs.yml").write_text(laughs + "services: *a11\n")
    (tmp_path / "tree" / "docker-compose.deep.yml").write_text("services: " + "[" * 100_000)
    (tmp_path / "tree" / "docker-compose.self.yml").write_text("services: &s\n  a: *s\n")
    (tmp_path / "tree" / "docker-compose.flow.yml").write_text("services: " + "{a: " * 20_000)
    found = gaps(judge())
    assert {f"docker-compose.{name}.yml" for name in ("self", "deep", "flow")} <= set(found)


def test_absurd_nesting_of_other_languages_is_bounded(judge: Judge, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "main.tf").write_text('resource "a" "b" {\n  x = ' + "[" * 50_000 + "]" * 50_000 + "\n}\n")
    (tree / "deep.tf").write_text("a {\n" * 20_000)
    (tree / "site.conf").write_text("server {\n" * 20_000)
    (tree / "named.conf").write_text("zone a {" * 20_000)
    (tree / "httpd.conf").write_text("<VirtualHost *:443>\n<Location />\n" * 10_000)
    (tree / "plan.json").write_text("[" * 200_000)
    found = judge()
    assert all(gap["why"] != "our_bug" for gap in found["gaps"])


def test_twenty_thousand_small_files_take_linear_time(judge: Judge, tmp_path: Path) -> None:
    """A fifth of the 100 000 of the promise, which takes this machine's disk longer to make than to check."""
    for folder in range(100):
        path = tmp_path / "tree" / f"d{folder:03}"
        path.mkdir()
        for number in range(200):
            (path / f"f{number}.txt").write_bytes(b"x")
    judge()


def test_too_many_names_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from nis2check.evidence import tree
    from nis2check.evidence.sources import READERS

    monkeypatch.setattr(tree, "MOST_ENTRIES", 50)
    (tmp_path / "compose.yaml").write_text(GOOD)
    for number in range(100):
        (tmp_path / f"z{number}.txt").write_bytes(b"")
    found = tree.read(tmp_path, READERS, seen_at="2026-11-22T00:00:00+00:00")
    assert [(gap.subject, gap.why) for gap in found.gaps] == [(".", "limit")]


def test_a_submodule_without_content_and_a_git_folder_that_is_none_are_no_trouble(judge: Judge, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / ".gitmodules").write_text('[submodule "infra"]\n\tpath = infra\n\turl = ../infra\n')
    (tree / "infra").mkdir()
    (tree / "vendored").mkdir()
    (tree / "vendored" / ".git").write_text("gitdir: ../../nowhere\n")
    (tree / ".git").mkdir()
    (tree / ".git" / "index").write_bytes(b"DIRC\x00\x00\x00\x02\xff\xff\xff\xff" + bytes(100))
    judge()


def test_an_unreadable_folder_is_a_gap() -> None:
    """Root reads every folder, so as root the tree is read with the rights of nobody."""
    from nis2check.evidence import tree
    from nis2check.evidence.sources import READERS

    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0)
    own = os.geteuid()
    try:
        if own == 0:
            os.seteuid(65534)
        found = tree.read(folder, READERS, seen_at="2026-11-22T00:00:00+00:00")
    finally:
        os.seteuid(own)
        shutil.rmtree(folder)
    assert [(gap.subject, gap.why) for gap in found.gaps] == [("closed", "unreadable")]


def test_an_unreadable_folder_hides_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system is made to refuse, whoever runs this."""
    from nis2check.evidence import tree
    from nis2check.evidence.sources import READERS

    (tmp_path / "closed").mkdir()
    (tmp_path / "compose.yaml").write_text(GOOD)
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if path == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | {refuse})
    found = tree.read(tmp_path, READERS, seen_at="2026-11-22T00:00:00+00:00")
    assert any(gap.subject == "closed" and gap.why == "unreadable" for gap in found.gaps)
    assert found.facts


def test_names_that_are_no_text_and_that_command_a_terminal(judge: Judge, tmp_path: Path) -> None:
    for name in (
        b"docker-compose.\xff\xfe.yml",
        b"docker-compose.\x1b[2J.yml",
        "docker-compose.\u202e.yml".encode(),
        b"compose.\n.yml",
    ):
        Path(os.fsdecode(bytes(tmp_path / "tree") + b"/" + name)).write_text(GOOD)
    found = judge()
    assert sum(one["rule"] == "compose/database-ports" for one in found["findings"]) >= 4


def test_the_same_tree_gives_the_same_bytes(judge: Judge, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / "tree" / f"s{number}").mkdir()
        (tmp_path / "tree" / f"s{number}" / "compose.yaml").write_text(GOOD)
    (tmp_path / "tree" / "broken.tf").write_text('resource "a" {{{')
    once, again = judge(), judge()
    assert json.dumps(once) == json.dumps(again)


def test_settings_of_the_tree_are_named_and_not_obeyed(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(GOOD)
    (tmp_path / "nis2check.yaml").write_text("waivers: waivers.yaml\npolicies: [rules]\n!!python/object:os.system x\n")
    done = subprocess.run(
        [sys.executable, "-m", "nis2check", "check", str(tmp_path), "-q"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert "nis2check.yaml" in done.stderr.decode() and "ignoré" in done.stderr.decode()
