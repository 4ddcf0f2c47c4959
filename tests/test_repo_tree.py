# SPDX-License-Identifier: EUPL-1.2
"""The walk over a repository of strangers and the process that reads its files."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check.evidence import gitignore, gitindex, sandbox, tree
from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import compose, nginx, secrets, zone
from nis2check.evidence.sandbox import Job, Sandbox
from nis2check.model import Evidence, Source, Why

READERS = (nginx, zone, compose, secrets)
AT = "2026-11-22T12:00:00+00:00"
GOOD = "services:\n  a:\n    image: nginx\n"


def read(root: Path) -> Evidence:
    (root / "compose.yaml").write_text(GOOD)
    evidence = tree.read(root, READERS, seen_at=AT)
    assert any(fact.name == "compose.images_unpinned" for fact in evidence.facts)  # the good file survives everything
    return evidence


def gaps(evidence: Evidence) -> dict[str, tuple[str, str]]:
    return {gap.subject: (gap.why, gap.detail) for gap in evidence.gaps}


def test_a_fact_names_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "compose.yml").write_text("# first\n" + GOOD)
    fact = next(fact for fact in read(tmp_path).facts if fact.subject == "a b/compose.yml" and fact.value == ["nginx"])
    assert (fact.source, fact.where, fact.seen_at) == (Source.FILE, "a b/compose.yml:4", AT)
    location = fact.location()
    assert location is not None
    assert (location.file, location.line) == ("a b/compose.yml", 4)


def test_a_gap_names_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "site.conf").write_text(
        "server {\n  listen 443 ssl;\n  server_name a.example;\n  include tls.conf;\n}\n"
    )
    (tmp_path / "web.conf").write_text("server {\n  listen 443 ssl;\n  server_name {{ name }};\n}\n")
    (tmp_path / "broken.conf").write_text("server {\n  listen 443 ssl;\n")
    (tmp_path / "dead.yaml").symlink_to("/dev/null")
    found = {(gap.name, gap.subject, gap.where) for gap in read(tmp_path).gaps}
    assert {
        ("tls.versions", "a.example:443", "site.conf:2"),
        ("nginx.server", "web.conf", "web.conf:3"),
        ("nginx.*", "broken.conf", "broken.conf:2"),
        ("files.*", "dead.yaml", "dead.yaml:1"),
    } <= found


def test_the_same_tree_gives_the_same_evidence(tmp_path: Path) -> None:
    for name in ("z", "a", "m"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "compose.yml").write_text(GOOD)
    first = read(tmp_path)
    assert first == read(tmp_path)
    assert [fact.subject for fact in first.facts if fact.name == "compose.privileged"] == [
        "a/compose.yml", "compose.yaml", "m/compose.yml", "z/compose.yml",
    ]  # fmt: skip


def test_links_are_never_followed_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "compose.yml").write_text("services:\n  secret:\n    image: stolen\n")
    root = tmp_path / "tree"
    (root / "x").mkdir(parents=True)
    (root / "file.yml").symlink_to(outside / "compose.yml")
    (root / "folder").symlink_to(outside)
    (root / "zero.yaml").symlink_to("/dev/zero")
    (root / "x" / "up").symlink_to("..")
    (root / "self").symlink_to(".")
    evidence = read(root)
    assert set(gaps(evidence)) == {"file.yml", "folder", "zero.yaml"}
    assert {why for why, _detail in gaps(evidence).values()} == {Why.OUT_OF_SCOPE}
    assert "stolen" not in str(evidence)


def test_pipes_sockets_and_devices_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("sock.json")
        assert {subject: why for subject, (why, _detail) in gaps(read(tmp_path)).items()} == {
            "pipe.yaml": Why.UNREADABLE,
            "sock.json": Why.UNREADABLE,
        }


def test_what_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.yaml").write_text("a: 1")
    (tmp_path / "closed").mkdir()
    really_open = os.open

    def deny(path: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """What the kernel answers to anybody but root for mode 000."""
        if path in {"secret.yaml", "closed"}:
            raise PermissionError(13, "Permission denied")
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", deny)
    monkeypatch.setattr(os, "supports_dir_fd", {deny})
    assert gaps(read(tmp_path)) == {
        "secret.yaml": (Why.UNREADABLE, "the file cannot be opened: Permission denied"),
        "closed": (Why.UNREADABLE, "the folder cannot be opened: Permission denied"),
    }


def test_a_folder_swapped_for_a_link_is_not_entered(tmp_path: Path) -> None:
    """What ``scandir`` saw may be another thing when it is opened: the open itself refuses a link."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "d").symlink_to(tmp_path)
    handle = os.open(root, os.O_RDONLY)
    try:
        walk = tree._Walk(READERS)
        assert list(walk._enter(tree._Folder(handle, (), ()), "d", str(root))) == []
        assert [gap.why for gap in walk.gaps] == [Why.UNREADABLE]
    finally:
        os.close(handle)


def test_large_files_cost_nothing(tmp_path: Path) -> None:
    for name in ("huge.yaml", "huge.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(8 << 30)
    (tmp_path / "wide.yaml").write_bytes(b"a" * (tree.LARGEST + 1))
    start = time.monotonic()
    assert gaps(read(tmp_path)) == {
        "huge.yaml": (Why.LIMIT, "larger than 5 MiB"),
        "wide.yaml": (Why.LIMIT, "larger than 5 MiB"),
    }  # nobody would have read huge.bin
    assert time.monotonic() - start < 5


def test_depth_is_bounded(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 45)
    deep.mkdir(parents=True)
    (deep / "compose.yml").write_text(GOOD)
    ((subject, (why, _detail)),) = gaps(read(tmp_path)).items()
    assert (subject.count("/"), why) == (tree.DEEPEST, Why.LIMIT)


def test_counts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    for number in range(9):
        (tmp_path / f"z{number}.env").write_text("A=b\n")
    evidence = read(tmp_path)
    assert gaps(evidence)["."][0] == Why.LIMIT
    assert len(evidence.gaps) == 1


def test_what_git_ignores_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.env\n/build/\n!kept.env\n")
    for name in ("prod.env", "kept.env"):
        (tmp_path / name).write_text("DB_PASSWORD=hunter2hunter2\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "compose.yml").write_text(GOOD)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.env").write_text("DB_PASSWORD=hunter2hunter2\n")
    reading = tree.survey(tmp_path, READERS, seen_at=AT)
    assert {fact.subject for fact in reading.evidence.facts} == {"kept.env"}
    assert reading.skipped["ignored by git"] == 2


@pytest.mark.parametrize("version", ["2", "4"])
def test_what_git_tracks_is_read_whatever_it_ignores(tool: Callable[..., str], tmp_path: Path, version: str) -> None:
    git = tool("git")
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    (tmp_path / ".gitignore").write_text("*.env\n/build/\n")
    (tmp_path / "build" / "deep").mkdir(parents=True)
    tracked = ["a.env", "build/deep/committed.env", "build/x.env", "é.env"]
    for name in [*tracked, "local.env", "build/local.env", "build/deep/other.yml"]:
        (tmp_path / name).write_text("DB_PASSWORD=hunter2hunter2\n")
    for command in (["init", "-q"], ["add", "-f", *tracked], ["update-index", "--index-version", version]):
        subprocess.run([git, *command], check=True, cwd=tmp_path, env=environment)
    found = {fact.subject for fact in read(tmp_path).facts if fact.name == "secrets.committed"}
    assert found == set(tracked)


def test_a_broken_index_tracks_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.env\n")
    (tmp_path / "local.env").write_text("DB_PASSWORD=hunter2hunter2\n")
    (tmp_path / ".git").mkdir()
    for data in (b"", b"DIRC", b"DIRC\0\0\0\x02\0\0\0\x09" + b"x" * 70, b"DIRC\0\0\0\x04\0\0\0\x01" + b"\xff" * 99):
        (tmp_path / ".git" / "index").write_bytes(data)
        assert not [fact for fact in read(tmp_path).facts if fact.name == "secrets.committed"]


def test_an_index_that_swells_is_dropped() -> None:
    """Version 4 keeps the name before and adds a letter to it: 60 000 entries spell 1.8 GB."""
    entry = bytes(62) + b"\0a\0"
    data = b"DIRC\0\0\0\x04" + (60_000).to_bytes(4, "big") + entry * 60_000
    assert gitindex.paths(data) == frozenset()
    assert len(gitindex.paths(b"DIRC\0\0\0\x04" + (100).to_bytes(4, "big") + entry * 100)) == 100


@given(st.binary(max_size=300))
def test_no_bytes_break_the_index(data: bytes) -> None:
    assert isinstance(gitindex.paths(b"DIRC\0\0\0\x04\0\0\0\x03" + data), frozenset)


def test_names_of_any_bytes_become_text(tmp_path: Path) -> None:
    for name in (b"\xff\xfe.env", b"new\nline.env", b"esc\x1b[2J.env", "\u202e.env".encode()):
        (Path(os.fsdecode(bytes(tmp_path) + b"/" + name))).write_text("DB_PASSWORD=hunter2hunter2\n")
    subjects = {fact.subject for fact in read(tmp_path).facts if fact.name == "secrets.committed"}
    assert subjects == {"\\xff\\xfe.env", "new\nline.env", "esc\x1b[2J.env", "\u202e.env"}
    for subject in subjects:
        subject.encode()  # no lone surrogate


@pytest.mark.parametrize(
    ("data", "detail"), [("services: {}".encode("utf-16"), "UTF-16"), (b"services: \0", "binary")], ids=["utf16", "nul"]
)
def test_what_is_no_text_is_a_gap(tmp_path: Path, data: bytes, detail: str) -> None:
    (tmp_path / "docker-compose.yml").write_bytes(data)
    assert gaps(read(tmp_path))["docker-compose.yml"] == (Why.UNREADABLE, detail)


def test_a_comment_in_latin_1_is_no_reason_not_to_read(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_bytes("# é\n".encode("latin-1") + GOOD.encode())
    assert not read(tmp_path).gaps


def test_a_folder_that_is_not_there_is_a_gap(tmp_path: Path) -> None:
    evidence = tree.read(tmp_path / "missing", READERS, seen_at=AT)
    assert gaps(evidence)["."][0] == Why.UNREADABLE


# ------------------------------------------------------------------------------------------------------- the sandbox

BOMB = "$ORIGIN x.example.\n@ IN SOA a b 1 2 3 4 5\n$GENERATE 1-99999999 h$ A 192.0.2.1\n"


def test_a_bomb_among_others_costs_its_own_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 3.0)
    with Sandbox() as box:
        good, bad, last = box.read(
            [Job(compose, "a/compose.yml", GOOD), Job(zone, "x.zone", BOMB), Job(compose, "b/compose.yml", GOOD)]
        )
    assert good == last
    assert all(isinstance(one, Read) for one in good)
    assert [(one.name, one.why) for one in bad if isinstance(one, Unread)] == [("zone.*", Why.LIMIT)]


def test_too_many_bombs_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.5)
    monkeypatch.setattr(sandbox, "MOST_DEATHS", 1)
    with Sandbox() as box:
        box.read([Job(zone, "x.zone", BOMB)])[0]
        monkeypatch.undo()
        monkeypatch.setattr(sandbox, "MOST_DEATHS", 1)
        (gap,) = box.read([Job(compose, "compose.yml", GOOD)])[0]
    assert isinstance(gap, Unread)
    assert (gap.why, gap.name) == (Why.LIMIT, "compose.*")


def test_the_child_has_limits_of_its_own() -> None:
    """Run as the sandbox runs it, with the limits read back."""
    code = (
        "import resource; from nis2check.evidence import sandbox; sandbox._limit(); sandbox._allow_cpu();"
        "print([resource.getrlimit(getattr(resource, f'RLIMIT_{n}'))[0] for n in ('AS', 'FSIZE', 'CORE', 'CPU')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    memory, files, core, cpu = eval(out)
    assert (memory, files, core) == (sandbox.MOST_MEMORY, 0, 0)
    assert cpu <= sandbox.CPU_SECONDS + 2


def test_nothing_of_the_tree_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("yaml", "json", "sitecustomize", "dns", "click"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'CANARY')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    read(tmp_path)
    assert not (tmp_path / "CANARY").exists()


def test_a_secret_in_a_file_that_breaks_a_reader_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_path: str, text: str) -> None:
        raise ValueError(text)

    monkeypatch.setattr(compose, "read", broken)
    (found,) = sandbox._read({"reader": compose.__name__, "path": "a", "text": "hunter2"})
    assert found["why"] == Why.OUR_BUG
    assert "hunter2" not in str(found)


# -------------------------------------------------------------------------------------------------------- .gitignore

_NAMES = ["a", "b", "ab", "a.log", "#x", "!x", "a b", "x ", "[z]", "b.txt"]
_PATTERNS = [
    "a", "/a", "a/", "*.log", "!a.log", "**/b", "a/**", "a/**/b", "b/*", "/*", "!/b", "[a-b]", "[!a]", "?b", "\\#x", "\\!x",
    "x\\ ", "a b  ", "# comment", "", "**", "a/b", "/b/a", "**/a/b", "*", "!*/", "\\[z]", "b.*",
]  # fmt: skip


def test_git_itself_agrees(tool: Callable[..., str], tmp_path: Path) -> None:
    """Every pair of patterns over a small tree, judged by ``git check-ignore`` as well."""
    git = tool("git")
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True, env=environment)
    paths = [f"{one}" for one in _NAMES] + [f"{one}/{two}" for one in ("a", "b", "ab") for two in ("a", "b", "a.log")]
    paths += ["a/b/b", "a/b/a", "b/a/b", "ab/a/b"]
    folders = {path.rpartition("/")[0] for path in paths if "/" in path} | {"a", "b", "ab"}
    for path in sorted(paths, key=len):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if path in folders:
            place.mkdir(exist_ok=True)
        elif not place.exists():
            place.write_text("")
    for first in _PATTERNS:
        for second in ("", "!a", "a.log", "!b/"):
            text = f"{first}\n{second}\n"
            (tmp_path / ".gitignore").write_text(text)
            asked = "\0".join(paths).encode()
            out = subprocess.run(
                [git, "check-ignore", "--no-index", "-z", "--stdin"],
                input=asked,
                capture_output=True,
                cwd=tmp_path,
                env=environment,
            ).stdout
            theirs = {name.decode() for name in out.split(b"\0") if name}
            assert {path for path in paths if _ignored(text, path, folders)} == theirs, text


def _ignored(text: str, path: str, folders: set[str]) -> bool:
    """As the walk sees it: a path is ignored when it is, or when a folder above it is."""
    stack = [(0, gitignore.parse(text))]
    parts = path.split("/")
    return any(
        gitignore.ignored(stack, parts[:n], folder=n < len(parts) or path in folders) for n in range(1, len(parts) + 1)
    )


def test_a_gitignore_in_a_folder_speaks_of_that_folder() -> None:
    stack = [(0, gitignore.parse("*.log\n")), (1, gitignore.parse("!a.log\n/b\n"))]
    assert not gitignore.ignored(stack, ("d", "a.log"), folder=False)
    assert gitignore.ignored(stack, ("d", "c.log"), folder=False)
    assert gitignore.ignored(stack, ("d", "b"), folder=False)
    assert not gitignore.ignored(stack, ("d", "e", "b"), folder=False)


def test_a_hostile_pattern_costs_nothing() -> None:
    patterns = gitignore.parse("*a" * 200 + "\n" + "**/a/" * 39 + "b\n")
    start = time.monotonic()
    assert not gitignore.ignored([(0, patterns)], ["a" * 250 + "c"] * 40, folder=False)
    assert time.monotonic() - start < 1


@given(st.text(), st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_no_pattern_breaks_the_matcher(text: str, parts: list[str]) -> None:
    assert gitignore.ignored([(0, gitignore.parse(text))], parts, folder=True) in {True, False}
