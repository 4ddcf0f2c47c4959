# SPDX-License-Identifier: EUPL-1.2
"""What Terraform writes itself: plans as JSON and states, in the shape of its documentation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import terraform
from nis2check.model import Json, Why

Command = Callable[..., "CompletedProcess[bytes]"]


def resource(kind: str, name: str, values: dict[str, Json], address: str = "") -> dict[str, Json]:
    return {"address": address or f"{kind}.{name}", "mode": "managed", "type": kind, "name": name, "values": values}


def plan(*resources: dict[str, Json], unknown: dict[str, Json] | None = None) -> str:
    changes = [{"address": name, "change": {"after_unknown": marks}} for name, marks in (unknown or {}).items()]
    within = {"address": "module.base", "resources": list(resources[1:])}
    root = {"resources": list(resources[:1]), "child_modules": [within]}
    document = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": root},
        "resource_changes": changes,
    }
    return json.dumps(document, indent=1)


def read(text: str, path: str = "prod.tfplan.json") -> tuple[dict[str, Json], list[tuple[str, Why]]]:
    found = list(terraform.read(path, text))
    facts = {one.name.removeprefix("terraform."): one.value for one in found if isinstance(one, Read)}
    return facts, [(one.name.removeprefix("terraform."), one.why) for one in found if isinstance(one, Unread)]


def test_a_plan_gives_the_facts_of_every_module_with_the_line_of_the_address() -> None:
    text = plan(
        resource("aws_db_instance", "a", {"publicly_accessible": True, "backup_retention_period": 7}),
        resource("aws_db_instance", "b", {"backup_retention_period": 0}, "module.base.aws_db_instance.b"),
    )

    facts, _gaps = read(text)

    line = next(n for n, line in enumerate(text.splitlines(), 1) if "module.base.aws_db_instance.b" in line)
    assert [(one["name"], one["value"]) for one in facts["database_public"]] == [("aws_db_instance.a", True)]
    assert [(one["name"], one["line"]) for one in facts["database_backup"]] == [("module.base.aws_db_instance.b", line)]


def test_what_only_applying_tells_is_unknown_and_null_is_absent() -> None:
    text = plan(
        resource("aws_db_instance", "a", {"storage_encrypted": None, "kms_key_id": None}),
        unknown={"aws_db_instance.a": {"publicly_accessible": True}},
    )

    facts, gaps = read(text)

    assert "database_public" not in facts
    assert ("database_public", Why.TEMPLATED) in gaps
    assert [one["said"] for one in facts["database_unencrypted"]] == ["provider"]


def test_a_plan_is_whole_so_that_what_is_missing_is_seen() -> None:
    alone = plan(resource("aws_s3_bucket", "a", {"bucket": "a"}))
    together = plan(
        resource("aws_s3_bucket", "a", {"bucket": "a"}),
        resource("aws_s3_bucket_versioning", "a", {"versioning_configuration": [{"status": "Enabled"}]}),
    )

    assert [one["setting"] for one in read(alone)[0]["storage_unversioned"]] == ["aws_s3_bucket_versioning"]
    assert read(together)[0]["storage_unversioned"] == []


def test_blocks_of_a_plan_are_lists_and_open_ports_are_seen() -> None:
    rule = {"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"], "ipv6_cidr_blocks": []}

    facts, _gaps = read(plan(resource("aws_security_group", "a", {"ingress": [rule]})))

    assert [(one["port"], one["class"]) for one in facts["open_ports"]] == [(22, "remote_admin")]


def test_a_plan_is_known_by_its_first_words() -> None:
    assert terraform.matches("infra/out.json", plan()[:200].encode())
    assert not terraform.matches("package.json", b'{"name": "x", "version": "1"}')
    assert terraform.matches("prod.tfplan.json", b"")
    assert read('{"name": "x"}') == ({}, [])


STATE: dict[str, Json] = {
    "version": 4,
    "terraform_version": "1.9.0",
    "resources": [
        {
            "mode": "managed",
            "type": "scaleway_rdb_instance",
            "name": "base",
            "instances": [
                {
                    "attributes": {"password": "Marseille13!", "disable_backup": True, "encryption_at_rest": True},
                    "sensitive_attributes": [[{"type": "get_attr", "value": "password"}]],
                }
            ],
        },
        {"mode": "data", "type": "aws_ami", "name": "x", "instances": []},
    ],
}


@pytest.mark.parametrize(
    "name", ["terraform.tfstate", "env/terraform.tfstate.backup", "terraform.tfstate.1700000000.backup"]
)
def test_a_state_in_the_repository_is_an_offence_and_is_read(name: str) -> None:
    assert terraform.matches(name, b"")

    facts, _gaps = read(json.dumps(STATE), name)

    (offender,) = facts["state_committed"]
    assert (offender["name"], offender["resources"], offender["sensitive"]) == (f"state.{Path(name).name}", 2, 1)
    assert [one["name"] for one in facts["database_backup"]] == ["scaleway_rdb_instance.base"]
    assert "Marseille" not in repr(facts)


def test_an_empty_state_and_an_encrypted_one_offend_nobody() -> None:
    assert read('{"version": 4, "resources": []}', "terraform.tfstate")[0]["state_committed"] == []
    assert read('{"encrypted_data": "…", "serial": 1}', "terraform.tfstate")[0]["state_committed"] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", Why.MALFORMED),
        ("[1]", Why.MALFORMED),
        ('{"a":' * 30_000 + "1" + "}" * 30_000, Why.LIMIT),
        ('{"format_version": "1.2", "values": [' + "[]," * 300_000 + "[]]}", Why.LIMIT),
        (plan(resource("aws_sqs_queue", "a", {"x": json.loads("[" * 600 + "]" * 600)})), Why.LIMIT),
    ],
    ids=["half", "list", "depth", "values", "depth of one value"],
)
def test_what_is_no_plan_is_one_gap(text: str, why: Why) -> None:
    assert read(text) == ({}, [("syntax", why)])


def test_modules_within_each_other_are_bounded() -> None:
    module: Json = {"resources": []}
    for _level in range(100):
        module = {"child_modules": [module]}
    document = {"format_version": "1.2", "terraform_version": "1", "planned_values": {"root_module": module}}

    assert read(json.dumps(document)) == ({}, [("syntax", Why.LIMIT)])


def test_the_spelling_of_programs_is_said_to_be_left_unread() -> None:
    assert read("{}", "cdk.tf.json") == ({}, [("syntax", Why.UNREADABLE)])


def test_the_command_finds_each_kind_of_file(nis2check: Command, tmp_path: Path) -> None:
    tree = tmp_path / "infra"
    (tree / "modules").mkdir(parents=True)
    (tree / "main.tf").write_text(
        'resource "aws_db_instance" "a" {\n  publicly_accessible = true\n}\n', encoding="utf-8"
    )
    (tree / "modules/broken.tofu").write_text('resource "aws_kms_key" "a" {\n  x = = 1\n}\n', encoding="utf-8")
    (tree / "prod.tfvars").write_text('db_password = "Marseille13!"\n', encoding="utf-8")
    (tree / "terraform.tfstate").write_text(json.dumps(STATE), encoding="utf-8")
    (tree / "bomb.tf").write_text('"' * 2_000_000, encoding="utf-8")

    done = nis2check("check", str(tree), "--json")

    assert done.returncode == 1
    document = json.loads(done.stdout)
    failed = {(one["rule"], one["location"]["file"]) for one in document["findings"] if one["verdict"] == "fail"}
    assert {
        ("terraform/database-public", "main.tf"),
        ("terraform/secrets", "prod.tfvars"),
        ("terraform/state-committed", "terraform.tfstate"),
    } <= failed
    gaps = {(one["name"], one["where"]) for one in document["gaps"]}
    assert {("terraform.syntax", "modules/broken.tofu:2"), ("terraform.syntax", "bomb.tf:1")} <= gaps
    assert b"Marseille" not in done.stdout
