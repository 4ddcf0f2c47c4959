# SPDX-License-Identifier: EUPL-1.2
"""Terraform in HCL: what a file settles, what it leaves open, and what offends on each cloud."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import terraform
from nis2check.evidence.repo.terraform import hcl
from nis2check.evidence.repo.terraform.values import Value
from nis2check.model import Json, Kind, Why


def read(text: str, path: str = "main.tf") -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(terraform.read(path, text))
    facts = {one.name.removeprefix("terraform."): one.value for one in found if isinstance(one, Read)}
    assert {one.name for one in found if isinstance(one, Read)} <= {spec.name for spec in terraform.FACTS}
    return facts, [(one.name.removeprefix("terraform."), one.why, one.line) for one in found if isinstance(one, Unread)]


def body(text: str) -> Value:
    configuration = hcl.read('resource "a" "b" {\n' + text + "\n}\n", frozenset({"a"}))
    assert configuration.faults == ()
    return configuration.blocks[0].body


# --------------------------------------------------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-5", -5),
        ("1.5", 1.5),
        ("true", True),
        ("!true", False),
        ('"a"', "a"),
        ('""', ""),
        (r'"é \"x\" \u0041 $${y}"', 'é "x" A ${y}'),
        ("(3)", 3),
        ("<<EOT\nun\ndeux\nEOT\n", "un\ndeux"),
        ('sensitive("s")', "s"),
        ('"${"a"}"', "a"),
    ],
)
def test_a_literal_is_its_value(written: str, value: Json) -> None:
    found = body(f"x = {written}").one("x")

    assert found is None if value == "" else found is not None
    if found is not None:
        assert (found.scalar, found.unknown) == (value, "")


@pytest.mark.parametrize(
    "written",
    [
        "var.absent",
        "local.absent",
        "data.a.b.c",
        "aws_x.y[0].z",
        "aws_x.y[*].z",
        "a ? 1 : 2",
        "1 + 2",
        "true && false",
        '"x${var.a}"',
        "<<EOT\n${var.a}\nEOT\n",
        "[for a in b : a]",
        "{ for a in b : a => 1 }",
        "{ (var.k) = 1 }",
        'file("x")',
        "max(1, 2)",
        "each.value",
    ],
)
def test_what_a_run_would_settle_is_an_unknown_with_its_text(written: str) -> None:
    found = body(f"\nx = {written}").one("x")

    assert found is not None
    assert (found.scalar, found.items, found.keys) == (None, None, None)
    assert found.line in {3, 4}  # an expression begins after its heredoc's mark
    assert found.unknown
    assert len(found.unknown) <= hcl.LONGEST_UNKNOWN


def test_lists_objects_and_encoded_objects_are_read_through() -> None:
    found = body('x = jsonencode({ A = [1, "b", var.c], "d" : { e = true } })')

    assert [one.scalar for one in found.each("x.A")] == [1, "b", None]
    assert [one.unknown for one in found.each("x.A")] == ["", "", "var.c"]
    assert [one.scalar for one in found.find("x.d.e")] == [True]


def test_locals_and_defaults_of_the_same_file_are_followed() -> None:
    text = (
        'variable "v" { default = "w" }\nvariable "nothing" { default = null }\n'
        "locals {\n  ports = [22, 80]\n  o = { k = var.v }\n  itself = local.itself\n}\n"
        'resource "a" "b" {\n  p = local.ports[1]\n  q = local.o.k\n  r = local.o["k"]\n'
        "  s = local.itself\n  t = var.nothing\n}\n"
    )
    block = hcl.read(text, frozenset({"a"})).blocks[-1]
    found = {name: block.body.one(name) for name in "pqrst"}

    assert {name: value.scalar for name, value in found.items() if value and not value.unknown} == {
        "p": 80,
        "q": "w",
        "r": "w",
    }
    assert {name: value.by_default for name, value in found.items() if value} == {
        "p": False,
        "q": True,
        "r": True,
        "s": False,
        "t": False,
    }


def test_blocks_of_one_name_make_a_list_and_dynamic_ones_what_their_list_says() -> None:
    found = body(
        "rule {\n port = 1\n}\nrule {\n port = 2\n}\n"
        'dynamic "rule" {\n for_each = [3, 4]\n content {\n  port = rule.value\n  n = rule.key\n }\n}\n'
        'dynamic "rule" {\n for_each = [{ p = 5 }]\n iterator = it\n content {\n  port = it.value.p\n }\n}\n'
        'dynamic "rule" {\n for_each = var.more\n content {\n  port = 6\n }\n}'
    )

    assert sorted(one.scalar for one in found.find("rule.port") if isinstance(one.scalar, int)) == [1, 2, 3, 4, 5]
    assert [one.unknown for one in found.find("rule.port") if one.unknown] == ['dynamic "rule"']


def test_the_default_of_a_variable_does_not_say_never() -> None:
    text = 'variable "n" { default = 0 }\nresource "aws_kms_key" "a" {\n  count = var.n\n}\n'

    assert [one["line"] for one in read(text)[0]["key_rotation"]] == [2]


@pytest.mark.parametrize("never", ["count = 0", "for_each = {}", "for_each = toset([])"])
def test_what_is_never_made_is_not_judged(never: str) -> None:
    assert read(f'resource "aws_db_instance" "b" {{\n  {never}\n  publicly_accessible = true\n}}\n') == ({}, [])


def test_a_block_with_an_error_is_said_and_the_others_are_read() -> None:
    text = (
        'resource "aws_kms_key" "a" {\n  enable_key_rotation = true\n}\n'
        'resource "aws_kms_key" "b" {\n  enable_key_rotation = = false\n}\n'
        'resource "aws_kms_key" "c" {\n  enable_key_rotation = false\n}\n'
    )

    facts, gaps = read(text)

    assert [one["name"] for one in facts["key_rotation"]] == ["aws_kms_key.c"]
    assert ("syntax", Why.MALFORMED, 5) in gaps


def test_a_file_that_is_right_as_far_as_it_is_read_does_not_pass() -> None:
    text = 'resource "aws_kms_key" "a" {\n  enable_key_rotation = true\n}\noutput "x" { = }\n'

    facts, gaps = read(text)

    assert facts["key_rotation"] == []
    assert ("key_rotation", Why.MALFORMED, 4) in gaps


# --------------------------------------------------------------------------------------------------------------- ports


def opened(text: str) -> list[tuple[int, int, str]]:
    facts, gaps = read(text)
    assert gaps == []
    return [(one["from"], one["to"], one["class"]) for one in facts["open_ports"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'resource "aws_security_group" "a" {\n ingress {\n from_port = 22\n to_port = 22\n protocol = "tcp"\n'
            ' cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]\n }\n}',
            [(22, 22, "remote_admin")],
        ),
        (
            'resource "aws_security_group" "a" {\n ingress = [{\n from_port = 0\n to_port = 0\n protocol = "-1"\n'
            ' ipv6_cidr_blocks = ["::/0"]\n }]\n}',
            [(0, 65535, "all")],
        ),
        (
            'resource "aws_security_group" "a" {\n ingress {\n from_port = 22\n to_port = 22\n protocol = "tcp"\n'
            ' cidr_blocks = ["10.0.0.0/8"]\n }\n egress {\n from_port = 0\n to_port = 0\n protocol = "-1"\n'
            ' cidr_blocks = ["0.0.0.0/0"]\n }\n}',
            [],
        ),
        (
            'resource "aws_security_group_rule" "a" {\n type = "egress"\n from_port = 22\n to_port = 22\n protocol = "tcp"\n'
            ' cidr_blocks = ["0.0.0.0/0"]\n}',
            [],
        ),
        (
            'resource "aws_vpc_security_group_ingress_rule" "a" {\n cidr_ipv4 = "0.0.0.0/0"\n from_port = 3306\n'
            ' to_port = 3306\n ip_protocol = "tcp"\n}',
            [(3306, 3306, "database")],
        ),
        (
            'resource "azurerm_network_security_rule" "a" {\n direction = "Inbound"\n access = "Allow"\n protocol = "*"\n'
            ' source_address_prefix = "Internet"\n destination_port_ranges = ["3389", "443"]\n}',
            [(3389, 3389, "remote_admin"), (443, 443, "web")],
        ),
        (
            'resource "azurerm_network_security_group" "a" {\n security_rule {\n direction = "Inbound"\n access = "Deny"\n'
            ' protocol = "Tcp"\n source_address_prefix = "*"\n destination_port_range = "22"\n }\n}',
            [],
        ),
        (
            'resource "google_compute_firewall" "a" {\n source_ranges = ["0.0.0.0/0"]\n allow {\n protocol = "tcp"\n'
            ' ports = ["5432"]\n }\n allow {\n protocol = "icmp"\n }\n}',
            [(5432, 5432, "database")],
        ),
        (
            'resource "google_compute_firewall" "a" {\n direction = "EGRESS"\n allow {\n protocol = "all"\n }\n}',
            [],
        ),
        (
            'resource "openstack_networking_secgroup_rule_v2" "a" {\n direction = "ingress"\n protocol = "tcp"\n'
            ' port_range_min = 445\n port_range_max = 445\n remote_ip_prefix = "0.0.0.0/0"\n}',
            [(445, 445, "file_sharing")],
        ),
        (
            'resource "openstack_networking_secgroup_rule_v2" "a" {\n direction = "ingress"\n remote_group_id = "g"\n}',
            [],
        ),
        (
            'resource "openstack_networking_secgroup_rule_v2" "a" {\n direction = "ingress"\n}',
            [(0, 65535, "all")],  # Neutron: no prefix, no group, no protocol: everyone, everything
        ),
        (
            'resource "ovh_cloud_security_group" "a" {\n rule = [{\n direction = "INGRESS"\n protocol = "TCP"\n'
            ' port_range_min = 22\n port_range_max = 22\n remote_ip_prefix = "0.0.0.0/0"\n }]\n}',
            [(22, 22, "remote_admin")],
        ),
        (
            'resource "scaleway_instance_security_group" "a" {\n inbound_default_policy = "drop"\n inbound_rule {\n'
            ' action = "accept"\n port = 22\n }\n'
            ' inbound_rule {\n action = "accept"\n port = 25\n ip_range = "192.0.2.0/24"\n }\n}',
            [(22, 22, "remote_admin")],
        ),
        (
            'resource "outscale_security_group_rule" "a" {\n flow = "Inbound"\n from_port_range = "6443"\n'
            ' to_port_range = "6443"\n ip_protocol = "tcp"\n ip_range = "0.0.0.0/0"\n}',
            [(6443, 6443, "management")],
        ),
        (
            'resource "aws_security_group" "a" {\n ingress {\n from_port = 20\n to_port = 30\n protocol = "tcp"\n'
            ' cidr_blocks = ["0.0.0.0/0"]\n }\n}',
            [(20, 30, "cleartext_admin"), (20, 30, "file_sharing"), (20, 30, "mail"), (20, 30, "remote_admin")],
        ),
        (
            'resource "aws_security_group" "a" {\n ingress {\n from_port = 514\n to_port = 514\n protocol = "udp"\n'
            ' cidr_blocks = ["0.0.0.0/0"]\n }\n}',
            [],
        ),
    ],
)
def test_ports_open_to_the_whole_internet(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert sorted(opened(text)) == sorted(expected)


@pytest.mark.parametrize(
    "unsettled",
    [
        "cidr_blocks = var.sources",
        'cidr_blocks = ["10.0.0.0/8", var.more]',
        'cidr_blocks = ["0.0.0.0/0"]\n protocol = var.protocol',
        'cidr_blocks = ["0.0.0.0/0"]\n from_port = var.port',
    ],
)
def test_a_rule_that_is_not_settled_is_a_gap_and_no_port(unsettled: str) -> None:
    settled = 'from_port = 22\n to_port = 22\n protocol = "tcp"\n'
    kept = "\n".join(line for line in settled.splitlines() if line.split(" = ")[0].strip() not in unsettled)

    facts, gaps = read(f'resource "aws_security_group" "a" {{\n ingress {{\n {kept}\n {unsettled}\n }}\n}}')

    assert facts.get("open_ports", []) == []
    assert {(name, why) for name, why, _line in gaps} == {("open_ports", Why.TEMPLATED)}


# ------------------------------------------------------------------------------------------------------------ defaults


def test_who_says_it_is_kept() -> None:
    text = (
        'variable "days" { default = 1 }\n'
        'resource "aws_db_instance" "here" {\n  backup_retention_period = 0\n}\n'
        'resource "aws_db_instance" "provider" {\n}\n'
        'resource "aws_rds_cluster" "variable" {\n  backup_retention_period = var.days\n}\n'
    )

    facts, _gaps = read(text)

    assert [(one["name"], one["line"], one["said"]) for one in facts["database_backup"]] == [
        ("aws_db_instance.here", 3, "here"),
        ("aws_db_instance.provider", 5, "provider"),
    ]
    assert [(one["name"], one["said"]) for one in facts["backup_short"]] == [("aws_rds_cluster.variable", "variable")]


@pytest.mark.parametrize(
    ("text", "concern"),
    [
        ('resource "aws_rds_cluster" "a" {}', "database_unencrypted"),
        ('resource "aws_instance" "a" {}', "metadata_v1"),
        ('resource "aws_lb_listener" "a" {\n  protocol = "HTTPS"\n}', "tls_old"),
        ('resource "aws_s3_bucket" "a" {}', "storage_unversioned"),
        ('resource "scaleway_k8s_cluster" "a" {}', "kubernetes_api_public"),
        ('resource "scaleway_rdb_instance" "a" {}', "database_public"),
    ],
)
def test_what_other_files_or_versions_settle_is_not_told(text: str, concern: str) -> None:
    facts, gaps = read(text)

    assert concern not in facts
    assert (concern, Why.NOT_ASKED, 1) in gaps


def test_a_setting_with_a_condition_follows_it() -> None:
    replica = 'resource "aws_db_instance" "a" {\n  replicate_source_db = "b"\n}'
    signing = 'resource "google_kms_crypto_key" "a" {\n  purpose = "ASYMMETRIC_SIGN"\n}'
    maybe = 'resource "google_kms_crypto_key" "a" {\n  purpose = var.purpose\n}'

    assert "database_backup" not in read(replica)[0]
    assert "key_rotation" not in read(signing)[0]
    assert read(maybe) == ({}, [("key_rotation", Why.TEMPLATED, 2)])


# ------------------------------------------------------------------------------------------------------------ policies

_POLICY = 'resource "aws_iam_policy" "a" {\n  policy = %s\n}\n'


@pytest.mark.parametrize(
    ("policy", "offends"),
    [
        ('jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })', True),
        ('jsonencode({ Statement = { Effect = "Allow", Action = ["s3:*", "*"], Resource = ["*"] } })', True),
        ('<<EOF\n{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}\nEOF\n', True),
        ('jsonencode({ Statement = [{ Effect = "Deny", Action = "*", Resource = "*" }] })', False),
        ('jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })', False),
        ('jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = var.bucket }] })', None),
        ('jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", Resource = var.bucket }] })', False),
        ("var.policy", None),
        ('"not json"', None),
    ],
)
def test_rights_over_everything(policy: str, offends: bool | None) -> None:
    facts, gaps = read(_POLICY % policy)

    found = facts.get("iam_wildcard")
    assert (None if found is None else bool(found)) is offends
    assert bool(gaps) is (offends is None)


def test_a_policy_document_is_judged_where_it_is_written() -> None:
    text = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = ["*"]\n    resources = ["*"]\n  }\n}\n'
        'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
        'data "aws_iam_policy_document" "key" {\n  statement {\n    actions   = ["*"]\n    resources = ["*"]\n'
        '    principals {\n      type        = "AWS"\n      identifiers = ["arn:aws:iam::1:root"]\n    }\n  }\n}\n'
    )

    facts, gaps = read(text)

    assert [(one["name"], one["line"]) for one in facts["iam_wildcard"]] == [("data.aws_iam_policy_document.d", 2)]
    assert gaps == []


@pytest.mark.parametrize(
    ("statement", "offends"),
    [
        ('Effect = "Allow", Principal = "*", Action = "sqs:*"', True),
        ('Effect = "Allow", Principal = { AWS = ["*"] }, Action = "sqs:*"', True),
        ('Effect = "Allow", Principal = { AWS = "arn:aws:iam::1:root" }, Action = "sqs:*"', False),
        ('Effect = "Allow", Principal = "*", Condition = { Bool = {} }, Action = "sqs:*"', False),
        ('Effect = "Deny", Principal = "*", Action = "sqs:*"', False),
    ],
)
def test_doors_open_to_anyone(statement: str, offends: bool) -> None:
    facts, _gaps = read(
        f'resource "aws_sqs_queue_policy" "a" {{\n  policy = jsonencode({{ Statement = [{{ {statement} }}] }})\n}}\n'
    )

    assert bool(facts["open_to_anyone"]) is offends


# ------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ('resource "aws_db_instance" "a" {\n  password = "Marseille13!"\n}', ["password"]),
        ('resource "aws_db_instance" "a" {\n  password = var.p\n}', []),
        ('resource "aws_db_instance" "a" {\n  password = "changeme"\n}', ["password"]),
        ('resource "aws_db_instance" "a" {\n  password = "<mot de passe>"\n}', None),
        (
            'provider "aws" {\n  access_key = "AKIAIOSFODNN7ABCDEFG"\n  secret_key = "x7Rr90s8d7f6g5h4"\n}',
            ["access_key", "secret_key"],
        ),
        ('variable "db_password" {\n  sensitive = true\n  default = "Marseille13!"\n}', ["default"]),
        ('variable "db_password" {\n  sensitive = true\n  default = ""\n}', []),
        ('variable "create_secret" {\n  type = bool\n  default = false\n}', None),
        ('terraform {\n  backend "s3" {\n    secret_key = "x7Rr90s8d7f6g5h4"\n  }\n}', ["backend.secret_key"]),
        ('module "m" {\n  source = "./m"\n  admin_password = "Marseille13!"\n}', ["admin_password"]),
        ('module "m" {\n  source = "./m"\n  secret_name = "prod/base"\n}', None),
    ],
)
def test_secrets_are_named_and_never_shown(text: str, settings: list[str] | None) -> None:
    facts, _gaps = read(text)

    found = facts.get("secrets")
    assert (None if found is None else [one["setting"] for one in found]) == settings
    assert "Marseille" not in repr(found)
    assert "x7Rr" not in repr(found)


def test_secrets_of_files_of_values() -> None:
    text = 'region = "gra"\ndb_password = "Marseille13!"\napi_token = "changeme"\n'

    assert [one["name"] for one in read(text, "prod.tfvars")[0]["secrets"]] == ["variable.db_password"]
    assert read(text, "example.tfvars") == ({}, [])


# ------------------------------------------------------------------------------------------- versions, sources, states


@pytest.mark.parametrize(
    ("source", "version", "unpinned"),
    [
        ("./modules/x", "", None),
        ("../x", "", None),
        ("terraform-aws-modules/vpc/aws", 'version = "6.0.1"', False),
        ("terraform-aws-modules/vpc/aws", "", True),
        ("git::https://git.example/x.git?ref=v1.2", "", False),
        ("git::https://git.example/x.git?ref=main", "", True),
        ("git@github.com:org/x.git", "", True),
        ("github.com/org/x?ref=3f2a", "", False),
    ],
)
def test_modules(source: str, version: str, unpinned: bool | None) -> None:
    facts, _gaps = read(f'module "m" {{\n  source = "{source}"\n  {version}\n}}\n')

    found = facts.get("modules_unpinned")
    assert (None if found is None else bool(found)) is unpinned


def test_a_token_in_a_source_is_not_shown() -> None:
    facts, _gaps = read('module "m" {\n  source = "git::http://jeton123@git.example/x.git"\n}\n')

    assert facts["modules_plain"][0]["value"] == "git::http://git.example/x.git"


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ('resource "aws_db_instance" "a" {\n  engine = "postgres"\n  engine_version = "13.4"\n}', "postgres:13"),
        ('resource "aws_db_instance" "a" {\n  engine = "postgres"\n  engine_version = "9.6.1"\n}', "postgres:9.6"),
        ('resource "aws_db_instance" "a" {\n  engine = "mysql"\n  engine_version = "5.7"\n}', "mysql:5.7"),
        ('resource "google_sql_database_instance" "a" {\n  database_version = "POSTGRES_11"\n}', "postgres:11"),
        ('resource "google_sql_database_instance" "a" {\n  database_version = "MYSQL_8_0"\n}', "mysql:8.0"),
        ('resource "scaleway_rdb_instance" "a" {\n  engine = "PostgreSQL-15"\n}', "postgres:15"),
        ('resource "ovh_cloud_project_database" "a" {\n  engine = "mongodb"\n  version = "5.0"\n}', "mongo:5.0"),
        ('resource "azurerm_mysql_flexible_server" "a" {\n  version = "8.0.21"\n}', "mysql:8.0"),
        ('resource "aws_lambda_function" "a" {\n  runtime = "nodejs18.x"\n}', "node:18"),
        ('resource "aws_lambda_function" "a" {\n  runtime = "python3.9"\n}', "python:3.9"),
        ('resource "google_cloudfunctions_function" "a" {\n  runtime = "python310"\n}', "python:3.10"),
        ('resource "scaleway_function" "a" {\n  runtime = "php82"\n}', "php:8.2"),
        ('resource "aws_lambda_function" "a" {\n  runtime = "provided.al2023"\n}', None),
        (
            'resource "aws_rds_cluster" "a" {\n  engine = "aurora-mysql"\n  engine_version = "8.0.mysql_aurora.3.08"\n}',
            None,
        ),
    ],
)
def test_releases_are_in_the_words_of_the_table_of_dates(text: str, release: str | None) -> None:
    facts, _gaps = read(text)

    found = [one["release"] for name in ("database_releases", "runtime_releases") for one in facts.get(name, [])]
    assert found == ([release] if release else [])


# ------------------------------------------------------------------------------------------------------------- records


def said(text: str) -> dict[tuple[str, str], Json]:
    found = [one for one in terraform.read("dns.tf", text) if isinstance(one, Read)]
    assert all(one.kind in {Kind.DNS, Kind.MAIL} for one in found)
    return {(one.subject, one.name): one.value for one in found}


def test_records_give_the_facts_that_the_live_probes_see() -> None:
    text = (
        'resource "ovh_domain_zone_record" "spf" {\n  zone = "exemple.fr"\n  subdomain = ""\n  fieldtype = "TXT"\n'
        '  target = "\\"v=spf1 include:mx.ovh.com -all\\""\n}\n'
        'resource "scaleway_domain_record" "dmarc" {\n  dns_zone = "exemple.fr"\n  name = "_dmarc"\n  type = "TXT"\n'
        '  data = "v=DMARC1; p=reject; rua=mailto:dmarc@exemple.fr"\n}\n'
        'resource "google_dns_record_set" "mx" {\n  name = "exemple.fr."\n  type = "MX"\n'
        '  rrdatas = ["10 mx2.exemple.fr.", "5 mx1.exemple.fr."]\n}\n'
        'resource "gandi_livedns_record" "caa" {\n  zone = "exemple.fr"\n  name = "@"\n  type = "CAA"\n'
        '  values = ["0 issue \\"letsencrypt.org\\""]\n}\n'
    )

    assert said(text) == {
        ("exemple.fr", "mail.spf.record"): "v=spf1 include:mx.ovh.com -all",
        ("exemple.fr", "mail.spf.all"): "-all",
        ("exemple.fr", "mail.dmarc.record"): "v=DMARC1; p=reject; rua=mailto:dmarc@exemple.fr",
        ("exemple.fr", "mail.dmarc.policy"): "reject",
        ("exemple.fr", "mail.dmarc.rua"): True,
        ("exemple.fr", "mail.mx"): ["mx1.exemple.fr", "mx2.exemple.fr"],
        ("exemple.fr", "mail.null_mx"): False,
        ("exemple.fr", "dns.caa_present"): True,
    }


def test_a_name_of_route_53_is_whole_only_below_a_zone_of_the_file() -> None:
    record = (
        'resource "aws_route53_record" "r" {\n  name = "exemple.fr"\n  type = "TXT"\n  records = ["v=spf1 -all"]\n}\n'
    )

    assert said(record) == {}
    assert ("exemple.fr", "mail.spf.all") in said('data "aws_route53_zone" "z" {\n  name = "exemple.fr."\n}\n' + record)


def test_two_spf_records_of_one_name_are_an_error_and_nothing_else_is_said() -> None:
    one = 'resource "ovh_domain_zone_record" "%s" {\n  zone = "exemple.fr"\n  fieldtype = "TXT"\n  target = "v=spf1 -all"\n}\n'

    assert said(one % "a" + one % "b") == {("exemple.fr", "mail.spf.valid"): False}


@pytest.mark.parametrize("target", ["var.spf", '"v=spf1 ${var.more} -all"'])
def test_a_record_that_is_not_written_out_says_nothing(target: str) -> None:
    assert (
        said(
            f'resource "ovh_domain_zone_record" "a" {{\n  zone = "exemple.fr"\n  fieldtype = "TXT"\n  target = {target}\n}}\n'
        )
        == {}
    )


# ------------------------------------------------------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 2_000_000,
        '"' * 2_000_000,
        "a = <<EOF\n" * 200_000,
        'resource "aws_x" "y" {\n}\n' * 6000,
        'resource "aws_sqs_queue" "y" {\n a = [' + "1," * 400_000 + "]\n}\n",
        "a = " + "1+" * 1_000_000 + "1\n",
    ],
    ids=["brackets", "quotes", "heredocs", "blocks", "list", "sum"],
)
def test_bombs_are_one_gap(text: str) -> None:
    start = time.process_time()

    facts, gaps = read(text)

    assert facts == {}
    assert [(name, why) for name, why, _line in gaps] == [("syntax", Why.LIMIT)]
    assert time.process_time() - start < 3


def test_locals_that_double_themselves_stay_small() -> None:
    text = (
        "locals {\n  a0 = [1]\n"
        + "".join(f"  a{n + 1} = [{', '.join([f'local.a{n}'] * 8)}]\n" for n in range(40))
        + '}\nresource "aws_security_group" "s" {\n  ingress {\n    cidr_blocks = local.a40\n  }\n}\n'
    )

    _facts, gaps = read(text)

    assert gaps == [("open_ports", Why.TEMPLATED, 42)]


def test_dynamic_blocks_cannot_multiply_a_file() -> None:
    block = 'dynamic "ingress" {\n  for_each = local.l\n  content {\n    cidr_blocks = local.l\n  }\n}\n'
    text = 'resource "aws_security_group" "a" {\n' + block * 500 + "}\nlocals {\n  l = [" + "1," * 300 + "]\n}\n"
    start = time.process_time()

    _facts, gaps = read(text)

    assert {(name, why) for name, why, _line in gaps} == {("open_ports", Why.TEMPLATED)}
    assert time.process_time() - start < 3


def test_nesting_within_the_limit_ends_in_an_unknown() -> None:
    found = body("x = " + "[" * 300 + "]" * 300)

    assert found.size < 200


def test_a_manifest_pasted_in_a_heredoc_costs_its_lines_only() -> None:
    text = 'resource "x" "y" {\n  manifest = <<-EOT\n' + '    "kind": [{}]\n' * 200_000 + "  EOT\n}\n"
    after = 'resource "aws_kms_key" "k" {\n}\n'

    facts, gaps = read(text + after)

    assert gaps == []
    assert [one["line"] for one in facts["key_rotation"]] == [200_005]


@pytest.mark.parametrize("path", ["main.tf", "prod.tfvars", "terraform.tfstate", "plan.tfplan.json", "cdk.tf.json"])
@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800", "{", "[]", "null", '{"resources": 1}', "}", "= =", "\ufffd" * 100]
)
def test_odd_files_end(path: str, text: str) -> None:
    read(text, path)


def test_refusals_keep_their_reason() -> None:
    with pytest.raises(Unseen) as raised:
        hcl.read("a = " + "(" * 600, frozenset())
    assert raised.value.why is Why.LIMIT
