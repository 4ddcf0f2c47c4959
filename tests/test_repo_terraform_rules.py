# SPDX-License-Identifier: EUPL-1.2
"""Every rule over Terraform: its snippets are HCL that it accepts, and for each a file that it refuses."""

from __future__ import annotations

import re

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import terraform
from nis2check.model import Fact, Finding, Gap, Rule, Source, Verdict
from nis2check.rules.judge import judge
from nis2check.rules.load import shipped_rules

RULES = {rule.id: rule for rule in shipped_rules() if rule.id.startswith("terraform/")}
NOT_HCL = {"fr", "en", "gitignore"}
SNIPPETS = [
    (rule.id, product, text)
    for rule in RULES.values()
    for product, text in rule.remediation.items()
    if product not in NOT_HCL
]


def judged(rule: Rule, text: str, path: str = "main.tf") -> list[Finding]:
    facts, gaps = [], []
    for one in terraform.read(path, text):
        where = f"{path}:{one.line}"
        if isinstance(one, Read):
            facts.append(Fact(one.name, one.subject or path, one.value, Source.FILE, where, ""))
        elif isinstance(one, Unread):
            gaps.append(Gap(one.name, path, one.why, one.detail, source=Source.FILE, where=where))
    return judge([rule], [], facts, gaps)


@pytest.mark.parametrize(("rule_id", "product", "text"), SNIPPETS, ids=[f"{one[0]}-{one[1]}" for one in SNIPPETS])
def test_what_a_rule_tells_to_paste_is_hcl_that_it_accepts(rule_id: str, product: str, text: str) -> None:
    assert [one for one in terraform.read("main.tf", text) if one.name == "terraform.syntax"] == []

    findings = judged(RULES[rule_id], text)

    assert all(one.verdict is Verdict.PASS for one in findings), [one.reason for one in findings]


def test_each_rule_has_a_snippet_that_it_knows() -> None:
    """A snippet of another spelling would pass by saying nothing."""
    heard = {rule_id for rule_id, _product, text in SNIPPETS if judged(RULES[rule_id], text)}

    # One is answered by a line of .gitignore, the others by blocks that only confirm what is absent by default.
    assert set(RULES) - heard <= {"terraform/state-committed", "terraform/storage-public"}


def security_group(port: int, until: int | None = None) -> str:
    return (
        'resource "aws_security_group" "a" {\n  ingress {\n    protocol = "tcp"\n'
        f'    from_port = {port}\n    to_port = {until or port}\n    cidr_blocks = ["0.0.0.0/0"]\n  }}\n}}\n'
    )


def resource(kind: str, *settings: str) -> str:
    return f'resource "{kind}" "a" {{\n' + "".join(f"  {one}\n" for one in settings) + "}\n"


# For each rule, files of the main providers that it refuses.
REFUSED: dict[str, list[str]] = {
    "database-ports": [security_group(5432)],
    "administration-ports": [security_group(22), security_group(3389), security_group(8006)],
    "internal-ports": [security_group(445), security_group(389)],
    "every-port": [security_group(0, 65535)],
    "default-deny": [
        resource("scaleway_instance_security_group"),
        resource("azurerm_storage_account_network_rules", 'default_action = "Allow"'),
    ],
    "database-public": [
        resource("aws_db_instance", "publicly_accessible = true"),
        resource("scaleway_rdb_acl", 'acl_rules { ip = "0.0.0.0/0" }'),
        resource("ovh_cloud_project_database", 'ip_restrictions { ip = "0.0.0.0/0" }'),
        resource(
            "google_sql_database_instance",
            'settings {\n ip_configuration {\n authorized_networks {\n value = "0.0.0.0/0"\n }\n }\n }',
        ),
        resource("azurerm_mssql_firewall_rule", 'start_ip_address = "0.0.0.0"', 'end_ip_address = "255.255.255.255"'),
    ],
    "kubernetes-api-public": [
        resource("aws_eks_cluster", "vpc_config {\n subnet_ids = []\n }"),
        resource("azurerm_kubernetes_cluster"),
        resource("google_container_cluster"),
        resource("scaleway_k8s_acl", 'acl_rules { ip = "0.0.0.0/0" }'),
        resource("ovh_cloud_project_kube_iprestrictions", 'ips = ["0.0.0.0/0"]'),
        resource("outscale_oks_cluster", 'admin_whitelist = ["0.0.0.0/0"]'),
    ],
    "metadata-token": [resource("aws_instance", 'metadata_options { http_tokens = "optional" }')],
    "tls-versions": [
        resource("aws_lb_listener", 'protocol = "HTTPS"', 'ssl_policy = "ELBSecurityPolicy-2016-08"'),
        resource("azurerm_storage_account", 'min_tls_version = "TLS1_0"'),
        resource("google_compute_ssl_policy"),
        resource("openstack_lb_listener_v2", 'tls_versions = ["TLSv1", "TLSv1.2"]'),
    ],
    "plain-http": [
        resource("aws_lb_listener", 'protocol = "HTTP"', 'default_action { type = "forward" }'),
        resource("azurerm_linux_web_app"),
        resource("scaleway_container"),
    ],
    "database-tls": [
        resource("scaleway_redis_cluster"),
        resource("azurerm_redis_cache", "non_ssl_port_enabled = true"),
        resource("google_sql_database_instance", "settings {\n ip_configuration {\n require_ssl = false\n }\n }"),
    ],
    "vpn-ciphers": [resource("openstack_vpnaas_ike_policy_v2", 'encryption_algorithm = "3des"')],
    "provider-certificates": ['provider "openstack" {\n  insecure = true\n}\n'],
    "storage-public": [
        resource("aws_s3_bucket_acl", 'acl = "public-read"'),
        resource("scaleway_object_bucket", 'acl = "public-read-write"'),
        resource("openstack_objectstorage_container_v1", 'container_read = ".r:*,.rlistings"'),
        resource("google_storage_bucket_iam_member", 'member = "allUsers"'),
        resource("azurerm_storage_container", 'container_access_type = "blob"'),
        resource(
            "aws_s3_bucket_policy",
            'policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject" }] })',
        ),
    ],
    "storage-guard": [resource("aws_s3_bucket_public_access_block", "block_public_acls = true")],
    "storage-versioning": [
        resource("scaleway_object_bucket"),
        resource("google_storage_bucket"),
        resource("aws_s3_bucket_versioning", 'versioning_configuration { status = "Suspended" }'),
    ],
    "disk-encryption": [resource("aws_ebs_volume", "encrypted = false"), resource("aws_efs_file_system")],
    "database-encryption": [resource("aws_db_instance"), resource("scaleway_rdb_instance")],
    "stream-encryption": [resource("aws_kinesis_stream"), resource("aws_sqs_queue", "sqs_managed_sse_enabled = false")],
    "database-backup": [
        resource("aws_db_instance"),
        resource("scaleway_rdb_instance", "disable_backup = true"),
        resource("google_sql_database_instance", "settings {\n backup_configuration {\n enabled = false\n }\n }"),
    ],
    "backup-retention": [
        resource("aws_rds_cluster"),
        resource("azurerm_mysql_flexible_server", "backup_retention_days = 1"),
    ],
    "backup-protection": [resource("azurerm_recovery_services_vault", "soft_delete_enabled = false")],
    "database-deletion": [
        resource("aws_db_instance"),
        resource("ovh_cloud_project_database", "deletion_protection = false"),
    ],
    "database-last-snapshot": [resource("aws_db_instance", "skip_final_snapshot = true")],
    "rights-everything": [
        resource("google_project_iam_member", 'role = "roles/owner"'),
        resource("scaleway_iam_policy", 'rule { permission_set_names = ["AllProductsFullAccess"] }'),
        resource("azurerm_role_definition", 'permissions { actions = ["*"] }'),
        resource("aws_iam_role_policy_attachment", 'policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"'),
        resource(
            "outscale_policy",
            'document = jsonencode({ Statement = [{ Effect = "Allow", Action = ["*:*"], Resource = ["*"] }] })',
        ),
    ],
    "open-to-anyone": [resource("aws_lambda_permission", 'principal = "*"')],
    "keys-without-end": [
        resource("aws_iam_access_key"),
        resource("scaleway_iam_api_key"),
        resource("outscale_access_key"),
        resource("google_service_account_key"),
    ],
    "password-length": [resource("aws_iam_account_password_policy", "minimum_password_length = 8")],
    "second-factor": [resource("aws_cognito_user_pool")],
    "shared-administrator": [resource("azurerm_container_registry", "admin_enabled = true")],
    "password-login": [resource("azurerm_linux_virtual_machine", "disable_password_authentication = false")],
    "serial-console": [resource("google_compute_instance", "metadata = {\n serial-port-enable = true\n }")],
    "secrets": [resource("scaleway_rdb_instance", 'password = "Marseille13!"')],
    "sensitive-variables": ['variable "api_token" {\n  type = string\n}\n'],
    "kubernetes-rights": [resource("google_container_cluster", "enable_legacy_abac = true")],
    "kubernetes-audit-log": [
        resource("aws_eks_cluster"),
        resource("aws_eks_cluster", 'enabled_cluster_log_types = ["api"]'),
    ],
    "registry-public": [resource("scaleway_registry_namespace", "is_public = true")],
    "image-tags": [resource("aws_ecr_repository")],
    "log-retention": [
        resource("aws_cloudwatch_log_group", "retention_in_days = 30"),
        resource("google_logging_project_bucket_config"),
        resource("scaleway_cockpit_source", 'type = "logs"', "retention_days = 7"),
    ],
    "audit-trail": [resource("aws_cloudtrail")],
    "flow-logs": [resource("google_compute_subnetwork")],
    "access-logs": [resource("aws_lb"), resource("aws_api_gateway_stage")],
    "detection": [resource("aws_guardduty_detector", "enable = false")],
    "key-rotation": [resource("aws_kms_key"), resource("google_kms_crypto_key")],
    "key-purge": [resource("azurerm_key_vault")],
    "database-version": [
        resource("google_sql_database_instance", 'database_version = "POSTGRES_11"'),
        resource("scaleway_rdb_instance", 'engine = "PostgreSQL-12"'),
    ],
    "runtime-version": [resource("aws_lambda_function", 'runtime = "nodejs12.x"')],
    "automatic-updates": [resource("ovh_cloud_project_kube", 'update_policy = "NEVER_UPDATE"')],
    "provider-versions": [
        'terraform {\n  required_providers {\n    ovh = {\n      source = "ovh/ovh"\n    }\n  }\n}\n'
    ],
    "module-versions": ['module "m" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n'],
    "module-channel": ['module "m" {\n  source = "git::http://git.example/x.git?ref=v1"\n}\n'],
    "state-storage": ['terraform {\n  backend "local" {\n  }\n}\n'],
    "zone-signing": [resource("google_dns_managed_zone", 'dnssec_config { state = "off" }')],
}
CASES = [(rule_id, text) for rule_id, texts in REFUSED.items() for text in texts]


@pytest.mark.parametrize(("rule_id", "text"), CASES, ids=[f"{one[0]}-{index}" for index, one in enumerate(CASES)])
def test_what_a_rule_refuses(rule_id: str, text: str) -> None:
    (finding,) = judged(RULES[f"terraform/{rule_id}"], text)

    assert finding.verdict is Verdict.FAIL
    assert finding.location is not None
    assert 1 <= finding.location.line <= text.count("\n") + 1


def test_every_rule_has_a_file_that_it_refuses() -> None:
    assert {f"terraform/{name}" for name in REFUSED} | {"terraform/state-committed"} == set(RULES)


# Rules that judge what is written around a value: that a key, a variable, a policy or a back end is there.
WITHOUT_VALUE = {
    "keys-without-end",
    "sensitive-variables",
    "provider-versions",
    "state-storage",
    "storage-public",
    "rights-everything",
}


@pytest.mark.parametrize(("rule_id", "text"), [case for case in CASES if case[0] not in WITHOUT_VALUE])
def test_a_value_from_elsewhere_never_fails(rule_id: str, text: str) -> None:
    """The same files with every value unsettled: only what is absent and has a documented default is still refused."""
    unsettled = re.sub(r'= ("[^"]*"|true|false|\d+|\[[^\]]*\])', "= var.elsewhere", text)

    for finding in judged(RULES[f"terraform/{rule_id}"], unsettled):
        offenders = [one for value in finding.facts.values() for one in value]
        assert all(one["said"] == "provider" for one in offenders), offenders
