# SPDX-License-Identifier: EUPL-1.2
"""Results of other tools: read as their standards say, mapped by a table, told once, refused in one line when they are not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import files, frameworks
from nis2check.cli.imports import with_imported
from nis2check.errors import InputError
from nis2check.imports import ocsf, sarif
from nis2check.imports.foreign import Foreign, Reading
from nis2check.imports.rows import relative
from nis2check.imports.table import load, own_clauses
from nis2check.model import Severity
from nis2check.report import beside, html, markdown, terminal

SAMPLES = Path(__file__).parent / "samples" / "imports"
TOOLS = ("checkov.sarif", "zizmor.sarif", "semgrep.sarif")
COMPOSE = "services:\n  base:\n    image: postgres:16\n    privileged: true\n    ports:\n      - '5432:5432'\n"

Command = Callable[..., Any]


def log(*results: dict[str, Any], name: str = "tool", **driver: Any) -> dict[str, Any]:
    return {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": name, **driver}}, "results": list(results)}]}


def at(file: str, line: int, end: int = 0) -> list[dict[str, Any]]:
    region = {"startLine": line} | ({"endLine": end} if end else {})
    return [{"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}]


def read(document: Any) -> list[Foreign]:
    return list(sarif.results(Reading(document, "x.sarif")))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "compose.yaml").write_text(COMPOSE)
    return tmp_path


def imported(inside: Command, *arguments: str) -> list[dict[str, Any]]:
    done = inside("check", "repo", "--json", *arguments)
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(files.schema("result")).validate(document)
    rows: list[dict[str, Any]] = document["imported"]
    return rows


# ------------------------------------------------------------------------------------------------------ what tools write


def test_what_three_tools_wrote_is_taken_in(inside: Command, repository: Path) -> None:
    rows = imported(inside, *(word for name in TOOLS for word in ("--import", f"sarif={SAMPLES / name}")))
    by_rule = {(row["tool"], row["rule"]): row for row in rows}
    assert len(rows) == 47 + 5 + 2
    assert by_rule["Checkov", "CKV_AWS_24"]["location"] == {"file": "main.tf", "line": 6}
    assert by_rule["Checkov", "CKV_AWS_24"]["concern"] == "administration-exposed"
    assert by_rule["Checkov", "CKV_AWS_16"]["theme"] == "encryption_at_rest"
    assert by_rule["zizmor", "zizmor/unpinned-uses"]["references"][0]["clause"] == "21(2)(d)"
    assert by_rule["zizmor", "zizmor/unpinned-uses"]["severity"] == "high"
    weakness = by_rule["Semgrep OSS", "python.lang.security.subprocess-shell-true"]
    assert (weakness["concern"], weakness["severity"], weakness["version"]) == ("injection", "high", "1.121.0")


def test_nearly_all_that_real_tools_write_speaks_to_a_measure(inside: Command, repository: Path) -> None:
    rows = imported(inside, *(word for name in TOOLS for word in ("--import", f"sarif={SAMPLES / name}")))
    bare = [row["rule"] for row in rows if not row["references"]]
    assert bare == ["CKV2_AWS_61"]  # a life cycle of objects: no measure says a word of it


def test_a_tool_that_ranks_nothing_is_not_believed_to_find_only_grave_things(inside: Command, repository: Path) -> None:
    rows = imported(inside, "--import", f"sarif={SAMPLES / 'checkov.sarif'}")
    assert {row["severity"] for row in rows} == {"medium"}


def test_findings_of_prowler_that_fail_are_taken_in(inside: Command, repository: Path) -> None:
    rows = {row["rule"]: row for row in imported(inside, "--import", f"ocsf={SAMPLES / 'prowler.ocsf.json'}")}
    assert set(rows) == {
        "iam_root_mfa_enabled",
        "s3_bucket_public_access",
        "rds_instance_backup_enabled",
        "glue_oddity",
        "glue_nothing",
    }
    assert rows["iam_root_mfa_enabled"]["severity"] == "critical"
    assert rows["iam_root_mfa_enabled"]["references"][0]["clause"] == "21(2)(j)"
    assert rows["s3_bucket_public_access"]["resource"] == "arn:aws:::ville-exports"
    assert rows["rds_instance_backup_enabled"]["theme"] == "backup"
    assert [one["clause"] for one in rows["glue_oddity"]["references"]] == ["21(2)(h)"]  # what the tool itself says
    assert rows["glue_nothing"]["references"] == []


def test_ocsf_of_one_event_a_line_is_the_same(inside: Command, repository: Path) -> None:
    events = json.loads((SAMPLES / "prowler.ocsf.json").read_bytes())
    (repository / "lines.json").write_text("\n".join(json.dumps(event) for event in events))
    assert imported(inside, "--import", "ocsf=lines.json") == imported(
        inside, "--import", f"ocsf={SAMPLES / 'prowler.ocsf.json'}"
    )


def test_ocsf_compliance_findings_say_pass_in_their_own_way() -> None:
    def event(**compliance: Any) -> dict[str, Any]:
        return {"class_uid": 2003, "finding_info": {"uid": "u", "title": "t"}, "compliance": compliance}

    documents = [
        event(status_id=1),
        event(status="Pass"),
        event(status_id=3),
        event(standards=["NIS2"], requirements=["21.2.h"]),
    ]
    found = list(ocsf.results(Reading(documents, "x")))
    assert [one.clauses for one in found] == [(), ("21(2)(h)",)]


# ---------------------------------------------------------------------------------------------------------- told once


def test_the_same_fault_at_the_same_place_is_told_once(inside: Command, repository: Path) -> None:
    ours = {"ruleId": "X1", "message": {"text": "Container is privileged"}, "locations": at("./compose.yaml", 4)}
    far = ours | {"locations": at("compose.yaml", 40)}
    other = ours | {"ruleId": "X2", "message": {"text": "Image uses the latest tag"}}
    elsewhere = ours | {"locations": at("other.yaml", 4)}
    (repository / "a.sarif").write_text(json.dumps(log(ours, far, other, elsewhere)))
    rows = imported(inside, "--import", "sarif=a.sarif")
    same = [row for row in rows if row["duplicate_of"]]
    assert [(row["rule"], row["location"]) for row in same] == [("X1", {"file": "compose.yaml", "line": 4})]
    document = json.loads(inside("check", "repo", "--json").stdout)
    assert same[0]["duplicate_of"] in {one["id"] for one in document["findings"] if one["rule"] == "compose/privileged"}


def test_a_region_of_a_whole_resource_holds_our_line(inside: Command, repository: Path) -> None:
    whole = {"ruleId": "X1", "message": {"text": "Container is privileged"}, "locations": at("compose.yaml", 1, 6)}
    before = {"ruleId": "X1", "message": {"text": "Container is privileged"}, "locations": at("compose.yaml", 1, 2)}
    (repository / "a.sarif").write_text(json.dumps(log(whole, before)))
    assert [bool(row["duplicate_of"]) for row in imported(inside, "--import", "sarif=a.sarif")] == [True, False]


def test_the_same_file_twice_counts_once(inside: Command, repository: Path) -> None:
    (repository / "again.sarif").write_bytes((SAMPLES / "zizmor.sarif").read_bytes())
    twice = imported(inside, "--import", f"sarif={SAMPLES / 'zizmor.sarif'}", "--import", "sarif=again.sarif")
    assert len(twice) == 5
    done = inside("check", "repo", "--import", "sarif=again.sarif", "--import", "sarif=again.sarif")
    assert done.returncode == 2


def test_other_tools_change_no_total_and_no_exit_code(inside: Command, repository: Path) -> None:
    (repository / "repo" / "compose.yaml").write_text("services:\n  a:\n    image: x:1\n")
    arguments = ("check", "repo", "--json", "--on", "2026-11-22")
    alone = inside(*arguments)
    assert alone.returncode == 0
    done = inside(*arguments, "--import", f"sarif={SAMPLES / 'zizmor.sarif'}")
    assert done.returncode == 0
    assert json.loads(done.stdout) | {"imported": []} == json.loads(alone.stdout)


@pytest.mark.parametrize(
    ("file", "root", "expected"),
    [
        ("./a/b.tf", "/w", "a/b.tf"),
        ("/a/b.tf", "/w", "a/b.tf"),
        ("/w/a/b.tf", "/w", "a/b.tf"),
        ("file:///w/a/b.tf", "/w/", "a/b.tf"),
        ("a\\b.tf", "", "a/b.tf"),
    ],
)
def test_paths_are_made_those_of_our_findings(file: str, root: str, expected: str) -> None:
    assert relative(file, root) == expected


def test_a_tool_that_ran_above_the_folder_names_the_same_files() -> None:
    assert relative("repo/compose.yaml", "/w/repo", "repo") == "compose.yaml"
    assert relative("./repo/compose.yaml", "/w/repo", "repo") == "compose.yaml"
    assert relative("compose.yaml", "/w/repo", "repo") == "compose.yaml"


# ------------------------------------------------------------------------------------------------------- what is left out


def test_what_was_suppressed_passes_or_is_gone_is_left_out() -> None:
    one = {"ruleId": "X", "message": {"text": "m"}}
    found = read(
        log(
            one | {"suppressions": [{"kind": "inSource"}]},
            one | {"suppressions": [{"kind": "external", "status": "rejected"}]},
            one | {"kind": "pass"},
            one | {"kind": "notApplicable"},
            one | {"baselineState": "absent"},
            one,
        )
    )
    assert len(found) == 2


def test_rules_are_found_by_id_index_and_extension_and_messages_filled() -> None:
    rules = [{"id": "R0", "shortDescription": {"text": "Zero"}, "properties": {"security-severity": "9.8"}}]
    document = log(
        {"ruleIndex": 0, "message": {"text": "{0} in {1}", "arguments": ["a", "b"]}},
        {"rule": {"id": "E1"}, "message": {"id": "default"}},
        rules=rules,
    )
    extension = {"id": "E1", "messageStrings": {"default": {"text": "told there"}}, "properties": {"tags": ["CWE-798"]}}
    document["runs"][0]["tool"]["extensions"] = [{"rules": [extension]}]
    first, second = read(document)
    assert (first.rule, first.title, first.message, first.severity) == ("R0", "Zero", "a in b", Severity.CRITICAL)
    assert (second.rule, second.message, second.cwe) == ("E1", "told there", (798,))
    assert load().concern(second) == "secret-in-clear"


# -------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.sarif:1: JSON mal formé"),
        ("{}", "x.sarif: version: Valeur inattendue"),
        ('"text"', "Ce n'est pas un fichier SARIF"),
        ('{"version": "2.1.0"}', "x.sarif: runs:"),
        ('{"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}', "runs[0].tool.driver.name"),
        ('{"version": "2.1.0", "runs": [{"tool": 3}]}', "runs[0].tool"),
        (json.dumps(log({"locations": 7})), "runs[0].results[0].locations"),
        (json.dumps(log({"message": ["x"]})), "runs[0].results[0].message"),
        ("[" * 100_000, "trop de niveaux"),
        ('{"version": "2.1.0", "version": "2.1.0"}', "clé répétée"),
    ],
)
def test_what_is_no_sarif_is_one_clear_line_and_2(inside: Command, repository: Path, text: str, said: str) -> None:
    (repository / "x.sarif").write_text(text)
    done = inside("check", "repo", "--import", "sarif=x.sarif")
    line = done.stderr.decode().replace("\u00a0", " ").replace("\u202f", " ")
    assert (done.returncode, line.count("\n"), done.stdout) == (2, 1, b"")
    assert said in line


def test_a_file_of_100_mb_is_one_clear_line_at_once(inside: Command, repository: Path) -> None:
    with (repository / "x.sarif").open("wb") as stream:
        stream.truncate(100 << 20)
    done = inside("check", "repo", "--import", "sarif=x.sarif")
    assert done.returncode == 2
    assert "64 Mio" in done.stderr.decode()


@pytest.mark.parametrize("text", ['{"class_uid": 1001}', "[1]", '[{"class_uid": 2004}]', "{}"])
def test_what_is_no_ocsf_finding_is_refused(inside: Command, repository: Path, text: str) -> None:
    (repository / "x.json").write_text(text)
    done = inside("check", "repo", "--import", "ocsf=x.json")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


@pytest.mark.parametrize("value", ["x.sarif", "sarf=x", "sarif=", "sarif=none.sarif"])
def test_an_import_that_cannot_be_is_2(inside: Command, repository: Path, value: str) -> None:
    done = inside("check", "repo", "--import", value)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_too_many_results_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nis2check.imports.foreign.MOST", 2)
    with pytest.raises(InputError):
        read(log({}, {}, {}))


def test_hostile_words_are_harmless_in_every_report(inside: Command, repository: Path) -> None:
    evil = "\x1b[2J\u202e<script>alert(1)</script> [x](javascript:1) | ::error::"
    hostile = {"ruleId": evil, "message": {"text": evil}, "locations": at(f"a{evil}", 1)}
    (repository / "a.sarif").write_text(json.dumps(log(hostile, name=evil)))
    done = inside("check", "repo", "--json", "--import", "sarif=a.sarif")
    document = json.loads(done.stdout)
    assert b"\x1b" not in done.stdout and "\u202e".encode() not in done.stdout
    page = html.render(document, "fr").decode()
    assert "<script>alert" not in page and "\u202e" not in page and "\x1b" not in page
    text = markdown.render(document, "fr").decode()
    assert "<script>" not in re.sub(r"`[^`\n]*`", "", text) and "\x1b" not in text
    assert "\x1b" not in terminal.render(document, "fr", all=True)


# ------------------------------------------------------------------------------------------------------------ the table


def test_every_concern_and_clause_of_the_table_exists() -> None:
    table, framework = load(), frameworks.load()
    concerns = {one.id for one in table.concerns}
    assert len(concerns) == len(table.concerns)
    assert {one.theme for one in table.concerns} == set(table.themes)
    assert set(table.weaknesses.values()) <= concerns
    assert {concern for rules in table.tools.values() for concern in rules.values()} <= concerns
    for theme in table.themes.values():
        assert {"fr", "en"} <= set(theme.title)
        assert theme.references[0]["source"] == "nis2"
        for reference in theme.references:
            assert reference["strength"] == "indicator"
            assert reference["source"] == "nis2" or reference["clause"] in framework.measures


@pytest.mark.parametrize(
    ("rule", "title", "concern"),
    [
        ("compose/privileged", "No privileged container", "privileged"),
        ("compose/database-ports", "No database published by Docker Compose", "database-exposed"),
        ("compose/host-network", "No container in the network of the host", "host-namespace"),
        (
            "compose/docker-socket",
            "The socket of the container engine is given to no service",
            "container-engine-socket",
        ),
        ("dockerfile/non-root", "The image does not start as root", "root-user"),
        ("kubernetes/memory-limits", "Containers have a memory limit", "memory-limit"),
        (
            "terraform/database-public",
            "Managed databases are not reachable from the whole Internet",
            "database-exposed",
        ),
        ("github-actions/script-injection", "No text of strangers pasted into a script", "template-injection"),
        ("secrets/committed", "No secret in clear in the repository", "secret-in-clear"),
    ],
)
def test_our_own_rules_have_the_concern_that_other_tools_have(rule: str, title: str, concern: str) -> None:
    assert load().told(rule, title) == concern


def test_points_of_the_regulation_are_points_of_the_article() -> None:
    assert [one["clause"] for one in own_clauses(["9.2.a", "21(2)(b)", "4.2.2.a", "11.7.1", "x"])] == [
        "21(2)(b)",
        "21(2)(c)",
        "21(2)(h)",
    ]


def test_words_of_a_tool_take_linear_time() -> None:
    table = load()
    for word in ("secret ", "public ", "bucket", "log ", "default ", "a", "0.0.0.0 "):
        text = word * 2000
        table.concern(Foreign("t", "", text[:2000], text[:2000], "", Severity.LOW, False))


def test_without_an_import_nothing_changes() -> None:
    document: dict[str, Any] = {"imported": []}
    assert with_imported(document, None) == document
    assert not beside.imported(document)
    assert not beside.groups(document)


def test_what_checkov_and_we_say_of_the_same_lines_is_told_once(inside: Command, repository: Path) -> None:
    """The very files that the samples were written over."""
    for name, text in FILES.items():
        path = repository / "repo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = inside("check", "repo", "--json", "--import", f"sarif={SAMPLES / 'checkov.sarif'}")
    document = json.loads(done.stdout)
    rules = {one["id"]: one["rule"] for one in document["findings"]}
    same = {row["rule"]: rules[row["duplicate_of"]] for row in document["imported"] if row["duplicate_of"]}
    assert same["CKV_K8S_16"] == "kubernetes/privileged"
    assert same["CKV_K8S_13"] == "kubernetes/memory-limits"
    assert same["CKV_DOCKER_7"] == "dockerfile/base-pinned"
    # The limit of a processor, an open port in an image and the tags of a backup are other concerns.
    assert not {"CKV_K8S_11", "CKV_DOCKER_1", "CKV2_AWS_60"} & same.keys()


FILES = {
    "Dockerfile": "FROM debian:latest\nRUN curl http://example.org/install.sh | sh\nEXPOSE 22\n",
    "k8s/deploy.yaml": """apiVersion: apps/v1
kind: Deployment
metadata:
  name: portail
spec:
  selector: {matchLabels: {app: portail}}
  template:
    metadata: {labels: {app: portail}}
    spec:
      containers:
        - name: web
          image: nginx:latest
          securityContext:
            privileged: true
""",
}
