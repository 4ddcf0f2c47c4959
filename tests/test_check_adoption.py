# SPDX-License-Identifier: EUPL-1.2
"""How a repository that has gaps takes the check in: a baseline, comments that accept for a time, a change alone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import files
from nis2check.report import github, gitlab, junit, sarif

HEAD = "services:\n"
PORT = "  {name}:\n    image: x:1\n    ports:\n      - '{port}'\n"
RULE = "compose/database-ports"

Command = Callable[..., Any]


def services(*ports: str) -> str:
    return HEAD + "".join(PORT.format(name=f"s{index}", port=port) for index, port in enumerate(ports))


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    path = tmp_path / "repo" / "compose.yaml"
    path.write_text(services("5432:5432"))
    return path


def document(inside: Command, *arguments: str, code: int | None = None) -> dict[str, Any]:
    done = inside("check", "repo", "--json", "--on", "2026-11-22", *arguments)
    assert code is None or done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator(files.schema("result")).validate(found)
    return found


def finding(found: dict[str, Any], rule: str = RULE) -> dict[str, Any]:
    (one,) = (one for one in found["findings"] if one["rule"] == rule)
    return dict(one)


# --------------------------------------------------------------------------------------------------------------- baseline


def test_what_is_known_is_shown_and_does_not_count(inside: Command, compose: Path) -> None:
    assert inside("check", "repo").returncode == 1
    assert inside("check", "repo", "--write-baseline", "b.json").returncode == 0
    known = json.loads(Path("b.json").read_bytes())
    jsonschema.Draft202012Validator(files.schema("baseline")).validate(known)
    found = document(inside, "--baseline", "b.json", code=0)
    assert finding(found)["known"] is True
    assert finding(found)["verdict"] == "fail"  # known is not right
    assert found["baseline"]["known"] == [finding(found)["id"]]
    assert found["coverage"]["fail"] == 1


def test_a_baseline_survives_shifted_lines_and_reordered_services(inside: Command, compose: Path) -> None:
    compose.write_text(services("5432:5432", "3306:3306"))
    inside("check", "repo", "--write-baseline", "b.json")
    compose.write_text(
        "# a\n\n# b\n" + services("3306:3306", "5432:5432").replace("s0", "x").replace("s1", "s0").replace("x", "s1", 1)
    )
    assert inside("check", "repo", "--baseline", "b.json").returncode == 0


def test_a_second_fault_of_the_same_rule_in_the_same_file_is_new_and_shown_at_its_line(
    inside: Command, compose: Path
) -> None:
    inside("check", "repo", "--write-baseline", "b.json")
    compose.write_text(services("5432:5432", "3306:3306"))
    found = document(inside, "--baseline", "b.json", code=1)
    assert "known" not in finding(found)
    assert finding(found)["location"] == {"file": "compose.yaml", "line": 9}
    assert found["baseline"]["new"] == [finding(found)["id"]]


def test_two_equal_faults_are_not_one(inside: Command, compose: Path) -> None:
    (compose.parent / "deploy.env").write_text("DB_PASSWORD=Hm7kq2Zt9w\n")
    inside("check", "repo", "--write-baseline", "b.json")
    (compose.parent / "deploy.env").write_text("DB_PASSWORD=Hm7kq2Zt9w\nLDAP_PASSWORD=Wq8mn3Xp4v\n")
    assert inside("check", "repo", "--baseline", "b.json").returncode == 1


def test_what_is_fixed_and_what_is_gone_are_told_apart(inside: Command, compose: Path) -> None:
    (compose.parent / "docker-compose.old.yml").write_text(services("3306:3306"))
    inside("check", "repo", "--write-baseline", "b.json")
    compose.write_text(services("8080:80"))
    (compose.parent / "docker-compose.old.yml").unlink()
    found = document(inside, "--baseline", "b.json", code=0)
    assert [one["target"] for one in found["baseline"]["fixed"]] == ["compose.yaml"]
    assert [one["target"] for one in found["baseline"]["gone"]] == ["docker-compose.old.yml"]
    assert "1 corrigé, 1 disparu" in inside("check", "repo", "--baseline", "b.json").stdout.decode().replace(
        "\u00a0", " "
    )


def test_an_earlier_result_is_a_baseline_too(inside: Command, compose: Path) -> None:
    inside("check", "repo", "--output", "json=r.json")
    assert inside("check", "repo", "--baseline", "r.json").returncode == 0


def test_what_could_not_be_read_is_known_too(inside: Command, compose: Path) -> None:
    compose.write_text(services("8080:80") + "  t:\n    image: ${IMAGE}\n")
    strict = ("check", "repo", "--fail-on-incomplete")
    assert inside(*strict).returncode == 3
    inside("check", "repo", "--write-baseline", "b.json")
    assert inside(*strict, "--baseline", "b.json").returncode == 0
    (compose.parent / "compose.prod.yaml").write_text("services:\n  u:\n    image: ${OTHER}\n")
    assert inside(*strict, "--baseline", "b.json").returncode == 3


def test_a_baseline_has_the_same_bytes_whenever_it_is_written(inside: Command, compose: Path) -> None:
    inside("check", "repo", "--write-baseline", "a.json", "--on", "2026-11-22")
    compose.write_text("# shifted\n" + compose.read_text())
    inside("check", "repo", "--write-baseline", "b.json", "--on", "2027-01-01")
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "ni une référence ni un résultat"),
        ("[]", "ni une référence ni un résultat"),
        ("{", "JSON mal formé"),
        ('{"schema": "nis2check.baseline/1", "findings": []}', "Il manque la clé"),
        ('{"schema": "nis2check.result/1"}', "Il manque la clé"),
    ],
)
def test_what_is_no_baseline_is_refused(inside: Command, compose: Path, text: str, said: str) -> None:
    (compose.parent.parent / "b.json").write_text(text)
    done = inside("check", "repo", "--baseline", "b.json")
    assert done.returncode == 2
    assert done.stderr.startswith(b"nis2check: b.json") and said in done.stderr.decode()


def test_a_baseline_that_cannot_be_written_is_74_and_the_report_is_there(inside: Command, compose: Path) -> None:
    done = inside("check", "repo", "--write-baseline", "no/such/b.json")
    assert done.returncode == 74
    assert "BILAN" in done.stdout.decode()
    assert inside("check", "repo", "--write-baseline", "b.json", "--baseline", "b.json").returncode == 2


def test_platforms_find_the_files_of_a_folder_from_where_the_command_ran(inside: Command, compose: Path) -> None:
    found = document(inside)
    assert (found["folder"], finding(found)["location"]["file"]) == ("repo", "compose.yaml")
    (result,) = json.loads(sarif.render(found, "fr"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "repo/compose.yaml"
    assert b"file=repo/compose.yaml,line=5" in github.render(found, "fr")
    assert json.loads(gitlab.render(found, "fr"))[0]["location"]["path"] == "repo/compose.yaml"


def test_platforms_are_told_what_is_new(inside: Command, compose: Path) -> None:
    (compose.parent / "b.compose.yaml").write_text("")
    inside("check", "repo", "--write-baseline", "b.json")
    compose.write_text(services("5432:5432") + "  p:\n    image: x:1\n    privileged: true\n")
    found = document(inside, "--baseline", "b.json", code=1)
    schema = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_bytes())
    log = json.loads(sarif.render(found, "fr"))
    jsonschema.Draft4Validator(schema).validate(log)
    states = {one["ruleId"]: one["baselineState"] for one in log["runs"][0]["results"]}
    assert states == {"compose/privileged": "new", RULE: "unchanged"}
    severities = {one["check_name"]: one["severity"] for one in json.loads(gitlab.render(found, "fr"))}
    assert severities == {"compose/privileged": "major", RULE: "info"}
    levels = [line.split(" ")[0] for line in github.render(found, "fr").decode().splitlines()]
    assert levels[:2] == ["::warning", "::notice"]
    assert b'<failure type="fail"' in junit.render(found, "fr") and junit.render(found, "fr").count(b"<failure") == 1


# --------------------------------------------------------------------------------------------------------------- comments

IGNORE = f"# nis2check:ignore {RULE} until=2027-03-01 reason=base de recette, close avant mars"


def waived(found: dict[str, Any]) -> dict[str, Any] | None:
    waiver: dict[str, Any] | None = finding(found)["waiver"]
    return waiver


@pytest.mark.parametrize(
    "text",
    [
        HEAD + f"  s:\n    image: x:1\n    ports:\n      - '5432:5432'  {IGNORE}\n",
        HEAD + f"  s:\n    image: x:1\n    ports:\n      {IGNORE}\n      - '5432:5432'\n",
        HEAD
        + f"  s:\n    image: x:1\n    ports:\n      {IGNORE}\n      # nis2check:ignore a/b until=2027-01-01 reason=c\n\n"
        "      - '5432:5432'\n",
    ],
    ids=["same line", "line above", "several above"],
)
def test_a_comment_accepts_a_gap_for_a_time_and_changes_no_verdict(inside: Command, compose: Path, text: str) -> None:
    compose.write_text(text)
    found = document(inside, code=0)
    waiver = waived(found)
    assert waiver is not None
    assert (waiver["until"], waiver["reason"]) == ("2027-03-01", "base de recette, close avant mars")
    assert finding(found)["verdict"] == "fail"
    assert found["coverage"]["fail"] == 1
    assert waiver in found["waivers"]
    (result,) = json.loads(sarif.render(found, "fr"))["runs"][0]["results"]
    assert result["suppressions"][0]["kind"] == "inSource"


def test_past_its_end_a_comment_leaves_the_gap_bare(inside: Command, compose: Path) -> None:
    compose.write_text(services("5432:5432").replace("'\n", f"'  {IGNORE}\n"))
    assert inside("check", "repo", "--on", "2027-03-01").returncode == 0
    done = inside("check", "repo", "--on", "2027-03-02", "--fail-on", "critical", "--fail-on-expired")
    assert done.returncode == 4
    assert "ÉCHUE" in done.stdout.decode()
    assert inside("check", "repo", "--on", "2027-03-02").returncode == 1


def test_a_comment_covers_its_line_and_no_other(inside: Command, compose: Path) -> None:
    compose.write_text(services("5432:5432", "3306:3306").replace("5432'\n", f"5432'  {IGNORE}\n"))
    assert waived(document(inside, code=1)) is None
    compose.write_text(services("5432:5432", "3306:3306").replace("'\n", f"'  {IGNORE}\n"))
    assert waived(document(inside, code=0)) is not None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"{RULE} until=2027-03-01", "without reason="),
        (f"{RULE} reason=parce que", "without until="),
        ("until=2027-03-01 reason=x", "without a rule"),
        (f"{RULE} until=demain reason=x", "is no date"),
        (f"{RULE} until=2026-02-30 reason=x", "is no date"),
        (f"{RULE} until=2027-11-23 reason=x", "more than 12 months"),
        ("", "without a rule"),
    ],
)
def test_a_comment_that_is_not_whole_is_said_and_counts_for_nothing(
    inside: Command, compose: Path, said: str, why: str
) -> None:
    compose.write_text(services("5432:5432").replace("'\n", f"'  # nis2check:ignore {said}\n"))
    found = document(inside, code=1)
    assert waived(found) is None
    (gap,) = (gap for gap in found["gaps"] if gap["name"] == "comments.ignore")
    assert why in gap["detail"] and gap["where"] == "compose.yaml:5"


def test_twelve_months_are_allowed_and_words_may_be_quoted(inside: Command, compose: Path) -> None:
    said = f'# nis2check:ignore {RULE} reason="une, deux" until=2027-11-22'
    compose.write_text(services("5432:5432").replace("'\n", f"'  {said}\n"))
    waiver = waived(document(inside, code=0))
    assert waiver is not None and waiver["reason"] == "une, deux"


def test_no_waivers_means_no_comments_either(inside: Command, compose: Path) -> None:
    compose.write_text(services("5432:5432").replace("'\n", f"'  {IGNORE}\n"))
    assert waived(document(inside, "--no-waivers", code=1)) is None


def test_a_manual_that_shows_a_comment_asks_for_nothing(inside: Command, compose: Path) -> None:
    (compose.parent / "README.md").write_text("# nis2check:ignore REGLE until=… reason=…\n")
    found = document(inside)
    assert found["gaps"] == [] and found["waivers"] == []


def test_a_comment_far_down_a_file_is_heard(inside: Command, compose: Path) -> None:
    compose.write_text("# filler\n" * 2000 + services("5432:5432").replace("'\n", f"'  {IGNORE}\n"))
    assert waived(document(inside, code=0)) is not None


# ------------------------------------------------------------------------------------------------------------------- diff


@pytest.fixture
def git(tool: Callable[..., str], compose: Path) -> Callable[..., str]:
    """A git repository around compose.yaml with one commit, and the command to go on with it."""
    program = tool("git")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(compose.parent.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "t@t.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def run(*arguments: str, cwd: Path = compose.parent) -> str:
        done = subprocess.run([program, *arguments], cwd=cwd, env=environment, capture_output=True, check=True)
        return done.stdout.decode().strip()

    run("init", "-q", "-b", "main")
    run("add", "-A")
    run("commit", "-qm", "first")
    return run


def rules(found: dict[str, Any]) -> set[str]:
    return {one["rule"] for one in found["findings"] if one["verdict"] == "fail"}


def test_an_untouched_repository_has_nothing_to_say(inside: Command, git: Callable[..., str]) -> None:
    done = inside("check", "repo", "--diff", "HEAD")
    assert done.returncode == 0
    assert "ne touche aucun fichier" in done.stderr.decode()


def test_only_the_lines_that_a_change_wrote_count(inside: Command, compose: Path, git: Callable[..., str]) -> None:
    compose.write_text(compose.read_text() + "  p:\n    image: x:1\n    environment:\n      - A=b\n")
    assert rules(document(inside, "--diff", "main", code=0)) == set()
    compose.write_text(compose.read_text() + "    ports:\n      - '3306:3306'\n")
    found = document(inside, "--diff", "main", code=1)
    assert rules(found) == {RULE}
    assert finding(found)["location"]["line"] == 11
    assert found["diff"]["files"] == ["compose.yaml"]


def test_a_branch_answers_for_itself_and_not_for_what_went_on_without_it(
    inside: Command, compose: Path, git: Callable[..., str]
) -> None:
    git("checkout", "-qb", "work")
    (compose.parent / "compose.new.yaml").write_text(services("27017:27017"))
    git("add", "-A")
    git("commit", "-qm", "mine")
    git("checkout", "-q", "main")
    compose.write_text(services("8080:80"))
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "work")
    found = document(inside, "--diff", "main", code=1)
    assert found["diff"]["files"] == ["compose.new.yaml"]


def test_new_files_count_before_they_are_added_and_renamed_ones_only_for_what_changed(
    inside: Command, compose: Path, git: Callable[..., str]
) -> None:
    (compose.parent / "compose.new.yaml").write_text(services("3306:3306"))
    assert document(inside, "--diff", "HEAD", code=1)["diff"]["files"] == ["compose.new.yaml"]
    (compose.parent / "compose.new.yaml").unlink()
    (compose.parent / "site").mkdir()
    git("mv", "compose.yaml", "site/compose.yaml")
    assert inside("check", "repo", "--diff", "HEAD").returncode == 0
    moved = compose.parent / "site" / "compose.yaml"
    moved.write_text(moved.read_text() + "  more:\n    image: x:1\n    ports: ['1433:1433']\n")
    assert finding(document(inside, "--diff", "HEAD", code=1))["location"]["line"] == 8


def test_what_a_change_took_away_counts(inside: Command, compose: Path, git: Callable[..., str]) -> None:
    site, header = compose.parent / "site.conf", '  add_header Strict-Transport-Security "max-age=31536000" always;\n'
    site.write_text(
        f"server {{\n  listen 443 ssl;\n  server_name a.example;\n  add_header X-Content-Type-Options nosniff;\n{header}"
        "  location / {\n    root /srv;\n  }\n}\n"
    )
    git("add", "-A")
    git("commit", "-qm", "site")
    site.write_text(site.read_text().replace(header, ""))
    assert "http/hsts" in rules(document(inside, "--diff", "HEAD"))


def test_a_folder_of_the_repository_may_be_checked_alone(
    inside: Command, compose: Path, git: Callable[..., str]
) -> None:
    (compose.parent / "infra").mkdir()
    (compose.parent / "infra" / "compose.yaml").write_text(services("3306:3306"))
    git("add", "-A")
    git("commit", "-qm", "infra")
    done = inside("check", "repo/infra", "--diff", "HEAD")
    assert done.returncode == 0, done.stderr
    assert inside("check", "repo/infra", "--diff", "HEAD~1").returncode == 1


def test_a_checkout_with_other_line_ends_is_no_change(inside: Command, compose: Path, git: Callable[..., str]) -> None:
    compose.write_bytes(compose.read_bytes().replace(b"\n", b"\r\n"))
    assert inside("check", "repo", "--diff", "HEAD").returncode == 0


def test_a_shallow_clone_works_and_an_unknown_base_says_what_to_type(
    inside: Command, compose: Path, git: Callable[..., str]
) -> None:
    compose.write_text(services("8080:80", "3306:3306"))
    git("commit", "-qam", "second")
    source = compose.parent.as_uri()
    git("clone", "-q", "--depth=1", source, "clone", cwd=compose.parent.parent)
    done = inside("check", "clone", "--diff", "HEAD~1")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert "git fetch --depth=1" in done.stderr.decode()
    clone = compose.parent.parent / "clone"
    git("fetch", "-q", "--depth=1", "origin", git("rev-parse", "HEAD~1"), cwd=clone)
    done = inside("check", "clone", "--diff", "FETCH_HEAD")
    assert done.returncode == 1
    assert "Clone partiel" in done.stderr.decode()


def test_packed_names_tags_and_linked_work_trees(inside: Command, compose: Path, git: Callable[..., str]) -> None:
    git("tag", "-am", "v", "v1.0")
    git("worktree", "add", "-q", "-b", "side", "../side")
    git("pack-refs", "--all")
    side = compose.parent.parent / "side" / "compose.yaml"
    side.write_text(services("5432:5432", "3306:3306"))
    for base in ("v1.0", "main", "HEAD", "side", "refs/heads/main", git("rev-parse", "--short", "HEAD")):
        done = inside("check", "side", "--diff", base)
        assert done.returncode == 1, (base, done.stderr)
    assert inside("check", "repo", "--diff", "v1.0").returncode == 0


@pytest.mark.parametrize(
    "base", ["--upload-pack=x", "a..b", "no-such-branch", "HEAD@{1}", "", "../../etc/passwd", ":/x", "HEAD:x"]
)
def test_a_base_that_is_none_is_one_line_and_2(inside: Command, git: Callable[..., str], base: str) -> None:
    done = inside("check", "repo", f"--diff={base}")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_outside_of_git_it_is_said(inside: Command, compose: Path) -> None:
    done = inside("check", "repo", "--diff", "HEAD")
    assert done.returncode == 2
    assert "pas dans un dépôt git" in done.stderr.decode()
    assert inside("check", "repo", "--diff", "HEAD", "--write-baseline", "b.json").returncode == 2


def test_nothing_that_the_repository_configures_is_run(inside: Command, compose: Path, git: Callable[..., str]) -> None:
    """Hooks, fsmonitor, filters, textconv, external diff, a helper of a remote, an alias, a pager: all would leave a mark."""
    mark = compose.parent.parent / "ran"
    script = compose.parent.parent / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    script.chmod(0o755)
    hooks = compose.parent / ".git" / "hooks"
    for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    compose.write_text(services("5432:5432", "3306:3306"))
    (compose.parent / ".gitattributes").write_text("* filter=evil diff=evil\n")
    config = compose.parent / ".git" / "config"
    config.write_text(
        config.read_text()
        + f"\n[core]\n\tfsmonitor = {script}\n\tpager = {script}\n\tsshCommand = {script}\n\thooksPath = {hooks}\n"
        f'[filter "evil"]\n\tclean = {script}\n\tsmudge = {script}\n\tprocess = {script}\n\trequired = true\n'
        f'[diff]\n\texternal = {script}\n[diff "evil"]\n\ttextconv = {script}\n\tcommand = {script}\n'
        f"[alias]\n\trev-parse = !{script}\n\tls-tree = !{script}\n"
        f'[remote "origin"]\n\turl = ext::{script}\n\tpromisor = true\n[extensions]\n\tpartialClone = origin\n'
    )
    assert inside("check", "repo", "--diff", "HEAD").returncode == 1
    git_objects = compose.parent / ".git" / "objects"
    for loose in git_objects.glob("[0-9a-f][0-9a-f]/*"):  # what is missing is asked of nobody
        loose.unlink()
    assert inside("check", "repo", "--diff", "HEAD").returncode == 2
    assert not mark.exists()
