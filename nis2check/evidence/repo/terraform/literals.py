# SPDX-License-Identifier: EUPL-1.2
"""Passwords and keys written out in Terraform files. What is found is named, never kept."""

from __future__ import annotations

import re

from nis2check.evidence.repo.terraform.ledger import Ledger
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value

CONCERN = "secrets"

# Settings that hold a secret, by the type of resource. Their names are the providers' own.
_BY_TYPE = {
    "aws_db_instance": "password",
    "aws_rds_cluster": "master_password",
    "aws_docdb_cluster": "master_password",
    "aws_redshift_cluster": "master_password",
    "aws_elasticache_replication_group": "auth_token",
    "aws_secretsmanager_secret_version": "secret_string",
    "aws_mq_broker": "user.password",
    "aws_dms_endpoint": "password",
    "azurerm_linux_virtual_machine": "admin_password",
    "azurerm_windows_virtual_machine": "admin_password",
    "azurerm_virtual_machine": "os_profile.admin_password",
    "azurerm_mssql_server": "administrator_login_password",
    "azurerm_postgresql_server": "administrator_login_password",
    "azurerm_mysql_server": "administrator_login_password",
    "azurerm_postgresql_flexible_server": "administrator_password",
    "azurerm_mysql_flexible_server": "administrator_password",
    "azurerm_key_vault_secret": "value",
    "google_sql_user": "password",
    "google_sql_database_instance": "root_password",
    "google_secret_manager_secret_version": "secret_data",
    "google_container_cluster": "master_auth.password",
    "openstack_compute_instance_v2": "admin_pass",
    "openstack_db_instance_v1": "user.password",
    "openstack_db_user_v1": "password",
    "openstack_identity_user_v3": "password",
    "openstack_keymanager_secret_v1": "payload",
    "openstack_vpnaas_site_connection_v2": "psk",
    "ovh_hosting_privatedatabase_user": "password",
    "ovh_email_domain_account": "password",
    "scaleway_rdb_instance": "password",
    "scaleway_rdb_user": "password",
    "scaleway_redis_cluster": "password",
    "scaleway_mongodb_instance": "password",
    "scaleway_secret_version": "data",
    "postgresql_role": "password",
    "mysql_user": "plaintext_password",
    "keycloak_user": "initial_password.value",
    "keycloak_openid_client": "client_secret",
    "github_actions_secret": "plaintext_value",
    "vault_generic_secret": "data_json",
}
TYPES = frozenset(_BY_TYPE)

_OF_PROVIDERS = (
    "access_key",
    "secret_key",
    "token",
    "password",
    "application_secret",
    "consumer_key",
    "client_secret",
    "api_key",
    "api_token",
    "secret_key_id",
)
_SECRET_NAME = re.compile(
    r"(?:\A|_)(?:password|passwd|passphrase|secret|secret_key|secret_access_key|api_key|apikey|token|private_key|psk)\Z",
    re.IGNORECASE,
)
# Names that only look like secrets: the name, the place or the policy of one.
_NO_SECRET_NAME = re.compile(
    r"_(?:name|id|arn|path|length|file|ttl|version|enabled|policy|url|type)\Z|tokens?_(?:max|limit)", re.IGNORECASE
)
# What asks to be replaced, or refers to something: no secret wherever it stands.
_PLACEHOLDER = re.compile(
    r"\A(?:|x+|\*+|\.+|<.*>|\$\{.*|\{\{.*|%.*|todo.*|tbd|none|null|true|false|replace[-_ ]?.*|your[-_ ].*|insert[-_ ].*"
    r"|redacted|op://.*|vault:.*|arn:.*|projects/.*|/[\w/.-]+|\d{1,3})\Z",
    re.IGNORECASE | re.DOTALL,
)
# What a default holds until somebody changes it; as the password of a resource it is a real one, and known to all.
_TO_CHANGE = re.compile(
    r"\A(?:change[-_ ]?(?:it|me|this).*|example.*|dummy.*|fake.*|test|placeholder.*|fill.*|secret|password)\Z",
    re.IGNORECASE,
)
_SAMPLE = re.compile(r"example|sample|exemple|modele|template|\.dist\b", re.IGNORECASE)


def note(path: str, configuration: Configuration, ledger: Ledger) -> None:
    """Secrets in resources, providers, back ends, defaults of variables and files of values."""
    for block in configuration.blocks:
        if block.kind == "resource" and block.type in TYPES:
            _look(block, _BY_TYPE[block.type], ledger)
        elif block.kind in {"provider", "module"}:
            for setting in _OF_PROVIDERS if block.kind == "provider" else _secret_names(block.body):
                _look(block, setting, ledger)
        elif block.kind == "terraform":
            for setting in _OF_PROVIDERS:
                _look(block, f"backend.{setting}", ledger)
        elif block.kind == "variable":
            _variable(block, ledger)
    if configuration.assigned and not _SAMPLE.search(path.rpartition("/")[2]):
        _assigned(configuration, ledger)


def _secret_names(body: Value) -> list[str]:
    return [name for name in body.keys or {} if is_secret_name(name)]


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None and _NO_SECRET_NAME.search(name) is None


def _look(block: Block, setting: str, ledger: Ledger) -> None:
    for value in block.body.find(setting):
        if value.by_default or value.unknown:
            ledger.fits(CONCERN)  # from a variable: its default is judged at its own line
        elif _is_written(value):
            ledger.offends(CONCERN, block, value.line, setting=setting)


def _is_written(value: Value) -> bool:
    return isinstance(value.scalar, str) and len(value.scalar) >= 4 and _PLACEHOLDER.match(value.scalar.strip()) is None


def _is_secret(value: Value) -> bool:
    return _is_written(value) and _TO_CHANGE.match(str(value.scalar).strip()) is None


def _variable(block: Block, ledger: Ledger) -> None:
    kind = block.body.one("type")
    if not is_secret_name(block.type) or (kind is not None and (kind.unknown or kind.scalar) in {"bool", "number"}):
        return  # "create_secret" is a question, no answer
    default, sensitive = block.body.one("default"), block.body.one("sensitive")
    if default is not None and _is_secret(default):
        ledger.offends(CONCERN, block, default.line, setting="default")
    else:
        ledger.fits(CONCERN)
    ephemeral = block.body.one("ephemeral")
    if any(one is not None and one.scalar is True for one in (sensitive, ephemeral)):
        ledger.fits("sensitive_variables")
    else:
        ledger.offends("sensitive_variables", block, block.line, setting="sensitive")


def _assigned(configuration: Configuration, ledger: Ledger) -> None:
    """The values of a .tfvars file: what is named as a secret and written out."""
    for name, value in configuration.assigned.items():
        if is_secret_name(name) and not value.unknown:
            if _is_secret(value):
                ledger.offends(CONCERN, Block("variable", (name,), value.line, value), value.line, setting="value")
            else:
                ledger.fits(CONCERN)
