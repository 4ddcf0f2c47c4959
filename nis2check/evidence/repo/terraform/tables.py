# SPDX-License-Identifier: EUPL-1.2
"""One table per matter: the settings of the resources of each cloud that offend a concern.

Defaults are those that the providers document (registry.terraform.io), alike in every maintained version: aws 5 and 6,
azurerm 4 and 5, google 6 and 7, scaleway 2, ovh 2, outscale 1, openstack 3. Where they differ, absence is a gap or says nothing.
"""

from __future__ import annotations

from nis2check.evidence.repo.terraform.settings import (
    Absent,
    Companion,
    Setting,
    among,
    anywhere,
    below,
    matching,
    never,
    row,
)

_OFF = among("false")
_ON = among("true")
_IP, _BACKUP = "settings.ip_configuration", "settings.backup_configuration"  # of Cloud SQL

# Types that are judged together.
_WEB_APPS = "azurerm_linux_web_app azurerm_windows_web_app azurerm_linux_function_app azurerm_windows_function_app"
_AZURE_FIREWALLS = (
    "azurerm_postgresql_flexible_server_firewall_rule azurerm_mysql_flexible_server_firewall_rule "
    "azurerm_mssql_firewall_rule"
)
_AZURE_BUSES = "azurerm_mssql_server azurerm_redis_cache azurerm_eventhub_namespace azurerm_servicebus_namespace"
_AZURE_OLD_DATABASES = "azurerm_postgresql_server azurerm_mysql_server azurerm_mariadb_server"
_AZURE_PARAMETERS = "azurerm_postgresql_flexible_server_configuration azurerm_mysql_flexible_server_configuration"
_FLEXIBLE = "azurerm_postgresql_flexible_server azurerm_mysql_flexible_server"
_IPSEC = "openstack_vpnaas_ike_policy_v2 openstack_vpnaas_ipsec_policy_v2"
_S3 = "aws_s3_bucket aws_s3_bucket_acl scaleway_object_bucket scaleway_object_bucket_acl scaleway_object"
_GOOGLE_ACLS = (
    "google_storage_bucket_access_control google_storage_default_object_access_control "
    "google_storage_object_access_control"
)
_S3_GUARDS = "aws_s3_bucket_public_access_block aws_s3_account_public_access_block"
_SEARCH = "aws_opensearch_domain aws_elasticsearch_domain"
_LISTENERS = "aws_lb_listener aws_alb_listener"
_AURORA_LIKE = "aws_rds_cluster aws_docdb_cluster aws_neptune_cluster"
_ATTACHED = (
    "aws_iam_role_policy_attachment aws_iam_user_policy_attachment aws_iam_group_policy_attachment "
    "aws_iam_policy_attachment"
)
_GOOGLE_GRANTS = (
    "google_project_iam_member google_project_iam_binding google_folder_iam_member google_folder_iam_binding "
    "google_organization_iam_member google_organization_iam_binding"
)
_GOOGLE_LOGS = (
    "google_logging_project_bucket_config google_logging_folder_bucket_config google_logging_organization_bucket_config"
)
_AZURE_AUDITS = "azurerm_mssql_server_extended_auditing_policy azurerm_mssql_database_extended_auditing_policy"
_LINUX = "azurerm_linux_virtual_machine azurerm_linux_virtual_machine_scale_set"
_GOOGLE_MACHINES = "google_compute_instance google_compute_instance_template google_compute_project_metadata"

_OFFENDS, _FITS, _UNTOLD = Absent.OFFENDS, Absent.FITS, Absent.UNTOLD


# ------------------------------------------------------------------------------------------------------------- network

NETWORK: tuple[Setting, ...] = (
    row("default_accept", "scaleway_instance_security_group", "inbound_default_policy", among("accept"), _OFFENDS),
    row("default_accept", "azurerm_storage_account", "network_rules.default_action", among("Allow")),
    row("default_accept", "azurerm_storage_account_network_rules", "default_action", among("Allow")),
    row("default_accept", "azurerm_key_vault azurerm_cognitive_account", "network_acls.default_action", among("Allow")),
    row("default_accept", "azurerm_container_registry", "network_rule_set.default_action", among("Allow")),
    row("database_public", "aws_db_instance aws_rds_cluster_instance", "publicly_accessible", _ON, _FITS),
    row("database_public", "aws_redshift_cluster aws_dms_replication_instance", "publicly_accessible", _ON),
    row("database_public", "google_sql_database_instance", f"{_IP}.authorized_networks.value", anywhere),
    row(
        "database_public",
        "google_sql_database_instance",
        f"{_IP}.ipv4_enabled",
        never,
        only=(f"{_IP}.ipv4_enabled", "false"),
    ),
    row(
        "database_public",
        _AZURE_FIREWALLS,
        "end_ip_address",
        among("255.255.255.255"),
        only=("start_ip_address", "0.0.0.0 0.0.0.1"),
    ),
    row("database_public", "scaleway_rdb_acl", "acl_rules.ip", anywhere),
    row("database_public", "scaleway_redis_cluster", "acl.ip", anywhere),
    row("database_public", "ovh_cloud_project_database", "ip_restrictions.ip", anywhere),
    row("database_public", "ovh_hosting_privatedatabase_whitelist", "ip", anywhere, only=("service", "true")),
    row(
        "kubernetes_api_public",
        "aws_eks_cluster",
        "vpc_config.public_access_cidrs",
        anywhere,
        _OFFENDS,
        only=("vpc_config.endpoint_public_access", "true"),
    ),
    row(
        "kubernetes_api_public",
        "google_container_cluster",
        "master_authorized_networks_config.cidr_blocks.cidr_block",
        anywhere,
    ),
    row(
        "kubernetes_api_public",
        "google_container_cluster",
        "master_authorized_networks_config",
        never,
        _OFFENDS,
        only=("private_cluster_config.enable_private_endpoint", "false"),
        unless="control_plane_endpoints_config",
    ),
    row(
        "kubernetes_api_public",
        "azurerm_kubernetes_cluster",
        "api_server_access_profile.authorized_ip_ranges",
        anywhere,
        _OFFENDS,
        only=("private_cluster_enabled", "false"),
        unless="api_server_authorized_ip_ranges",
    ),
    row("kubernetes_api_public", "scaleway_k8s_acl", "acl_rules.ip", anywhere),
    row("kubernetes_api_public", "ovh_cloud_project_kube_iprestrictions", "ips", anywhere),
    row("kubernetes_api_public", "outscale_oks_cluster outscale_oks_project", "admin_whitelist", anywhere),
    row("metadata_v1", "aws_instance aws_launch_template", "metadata_options.http_tokens", among("optional"), _UNTOLD),
    row("metadata_v1", "aws_launch_configuration", "metadata_options.http_tokens", among("optional"), _UNTOLD),
)

# ----------------------------------------------------------------------------------------------------------- transport

_WEAK_AWS_POLICY = matching(
    r"ELBSecurityPolicy-(2015|2016)|ELBSecurityPolicy-TLS-1-[01]-|ELBSecurityPolicy-FS-2018-06\Z|ELBSecurityPolicy-FS-1-1-"
    r"|ELBSecurityPolicy-TLS13-1-[01]-"
)
TRANSPORT: tuple[Setting, ...] = (
    row("tls_old", _LISTENERS, "ssl_policy", _WEAK_AWS_POLICY, _UNTOLD, only=("protocol", "HTTPS TLS")),
    row(
        "tls_old",
        "aws_cloudfront_distribution",
        "viewer_certificate.minimum_protocol_version",
        among("SSLv3 TLSv1 TLSv1_2016 TLSv1.1_2016"),
    ),
    row("tls_old", "aws_cloudfront_distribution", "viewer_certificate.cloudfront_default_certificate", _ON),
    row("tls_old", "aws_api_gateway_domain_name", "security_policy", among("TLS_1_0")),
    row("tls_old", _SEARCH, "domain_endpoint_options.tls_security_policy", matching("Policy-Min-TLS-1-0")),
    row("tls_old", "azurerm_storage_account", "min_tls_version", among("TLS1_0 TLS1_1"), _FITS),
    row("tls_old", _AZURE_BUSES, "minimum_tls_version", among("1.0 1.1 disabled")),
    row(
        "tls_old",
        _AZURE_OLD_DATABASES,
        "ssl_minimal_tls_version_enforced",
        among("TLS1_0 TLS1_1 TLSEnforcementDisabled"),
    ),
    row("tls_old", "azurerm_cosmosdb_account", "minimal_tls_version", among("Tls Tls11")),
    row("tls_old", _WEB_APPS, "site_config.minimum_tls_version", among("1.0 1.1"), _FITS),
    row(
        "tls_old",
        "azurerm_application_gateway",
        "ssl_policy.policy_name",
        among("AppGwSslPolicy20150501 AppGwSslPolicy20170401"),
    ),
    row("tls_old", "azurerm_application_gateway", "ssl_policy.min_protocol_version", among("TLSv1_0 TLSv1_1")),
    row("tls_old", "google_compute_ssl_policy", "min_tls_version", among("TLS_1_0 TLS_1_1"), _OFFENDS),
    row("tls_old", "openstack_lb_listener_v2", "tls_versions", among("SSLv3 TLSv1 TLSv1.1")),
    row("tls_old", "scaleway_lb", "ssl_compatibility_level", matching("ssl_compatibility_level_old")),
    row(
        "plain_http",
        _LISTENERS,
        "default_action.type",
        among("forward authenticate-oidc authenticate-cognito"),
        only=("protocol", "HTTP"),
    ),
    row("plain_http", _LISTENERS, "protocol", never, only=("protocol", "HTTPS TLS")),
    row(
        "plain_http", "aws_cloudfront_distribution", "default_cache_behavior.viewer_protocol_policy", among("allow-all")
    ),
    row(
        "plain_http", "aws_cloudfront_distribution", "ordered_cache_behavior.viewer_protocol_policy", among("allow-all")
    ),
    row("plain_http", _SEARCH, "domain_endpoint_options.enforce_https", _OFF),
    row("plain_http", _WEB_APPS, "https_only", _OFF, _OFFENDS),
    row(
        "plain_http",
        "azurerm_storage_account",
        "https_traffic_only_enabled",
        _OFF,
        _FITS,
        unless="enable_https_traffic_only",
    ),
    row("plain_http", "azurerm_storage_account", "enable_https_traffic_only", _OFF),
    row("plain_http", "azurerm_cdn_endpoint", "is_http_allowed", _ON),
    row("plain_http", "scaleway_container", "https_connections_only", _OFF, _OFFENDS, unless="http_option"),
    row("plain_http", "scaleway_container scaleway_function", "http_option", among("enabled")),
    row("plain_http", "scaleway_function", "http_option", never, _OFFENDS, unless="https_connections_only"),
    row(
        "database_plain",
        "google_sql_database_instance",
        f"{_IP}.ssl_mode",
        among("ALLOW_UNENCRYPTED_AND_ENCRYPTED"),
        _UNTOLD,
        unless=f"{_IP}.require_ssl",
    ),
    row("database_plain", "google_sql_database_instance", f"{_IP}.require_ssl", _OFF, unless=f"{_IP}.ssl_mode"),
    row("database_plain", _AZURE_OLD_DATABASES, "ssl_enforcement_enabled", _OFF),
    row("database_plain", "azurerm_redis_cache", "non_ssl_port_enabled", _ON, _FITS, unless="enable_non_ssl_port"),
    row("database_plain", "azurerm_redis_cache", "enable_non_ssl_port", _ON),
    row("database_plain", _AZURE_PARAMETERS, "value", among("off"), only=("name", "require_secure_transport")),
    row("database_plain", "aws_elasticache_replication_group", "transit_encryption_enabled", _OFF, _UNTOLD),
    row(
        "database_plain",
        "aws_msk_cluster",
        "encryption_info.encryption_in_transit.client_broker",
        among("PLAINTEXT TLS_PLAINTEXT"),
        _FITS,
    ),
    row("database_plain", "aws_dms_endpoint", "ssl_mode", among("none")),
    row("database_plain", "scaleway_redis_cluster", "tls_enabled", _OFF, _OFFENDS),
    row("vpn_weak", _IPSEC, "encryption_algorithm", among("3des")),
    row("vpn_weak", _IPSEC, "auth_algorithm", among("md5 sha1")),
    row("vpn_weak", _IPSEC, "pfs", among("group2 group5")),
    row("vpn_weak", "azurerm_virtual_network_gateway_connection", "ipsec_policy.ike_encryption", among("DES DES3")),
    row(
        "vpn_weak",
        "azurerm_virtual_network_gateway_connection",
        "ipsec_policy.ipsec_encryption",
        among("DES DES3 None"),
    ),
    row(
        "vpn_weak",
        "azurerm_virtual_network_gateway_connection",
        "ipsec_policy.dh_group",
        among("None DHGroup1 DHGroup2"),
    ),
    row("vpn_weak", "aws_vpn_connection", "tunnel1_phase1_dh_group_numbers", among("2 5")),
    row("vpn_weak", "aws_vpn_connection", "tunnel1_phase1_integrity_algorithms", among("SHA1")),
    row("vpn_weak", "google_compute_vpn_tunnel", "ike_version", among("1"), _FITS),
)

# -------------------------------------------------------------------------------------------------------------- stores

_PUBLIC_ACL = among("public-read public-read-write authenticated-read")
_ANYONE = among("allUsers allAuthenticatedUsers")
STORES: tuple[Setting, ...] = (
    row("storage_public", _S3, "acl", _PUBLIC_ACL),
    row("storage_public", "scaleway_object", "visibility", _PUBLIC_ACL),
    row("storage_public", "google_storage_bucket_iam_member", "member", _ANYONE),
    row("storage_public", "google_storage_bucket_iam_binding", "members", _ANYONE),
    row("storage_public", _GOOGLE_ACLS, "entity", _ANYONE),
    row("storage_public", "google_storage_bucket_acl", "predefined_acl", among("publicRead publicReadWrite")),
    row("storage_public", "azurerm_storage_container", "container_access_type", among("blob container"), _FITS),
    row(
        "storage_public",
        "openstack_objectstorage_container_v1",
        "container_read",
        matching(r"(?:.*,)?\s*\.r:\*"),
        _FITS,
    ),
    row("storage_public", "openstack_images_image_v2", "visibility", among("public")),
    row("storage_public", "aws_ami_launch_permission", "group", among("all")),
    row("storage_guard", _S3_GUARDS, "block_public_acls", _OFF, _OFFENDS),
    row("storage_guard", _S3_GUARDS, "block_public_policy", _OFF, _OFFENDS),
    row("storage_guard", _S3_GUARDS, "ignore_public_acls", _OFF, _OFFENDS),
    row("storage_guard", _S3_GUARDS, "restrict_public_buckets", _OFF, _OFFENDS),
    row("storage_guard", "azurerm_storage_account", "allow_nested_items_to_be_public", _ON),
    row("storage_guard", "azurerm_storage_account", "allow_blob_public_access", _ON),
    row("storage_guard", "google_storage_bucket", "uniform_bucket_level_access", _OFF),
    row("storage_unversioned", "aws_s3_bucket", "versioning.enabled", _OFF),
    row(
        "storage_unversioned",
        "aws_s3_bucket_versioning",
        "versioning_configuration.status",
        among("Suspended Disabled"),
    ),
    row("storage_unversioned", "google_storage_bucket", "versioning.enabled", _OFF, _OFFENDS),
    row("storage_unversioned", "scaleway_object_bucket", "versioning.enabled", _OFF, _OFFENDS),
    row("storage_unversioned", "azurerm_storage_account", "blob_properties.versioning_enabled", _OFF),
    row("storage_unversioned", "ovh_cloud_project_storage", "versioning.status", among("disabled suspended")),
    row("storage_unversioned", "openstack_objectstorage_container_v1", "versioning", _OFF, unless="versioning_legacy"),
    row("disk_unencrypted", "aws_ebs_volume", "encrypted", _OFF, _UNTOLD, unless="snapshot_id"),
    row("disk_unencrypted", "aws_efs_file_system", "encrypted", _OFF, _OFFENDS),
    row("disk_unencrypted", "aws_instance aws_launch_configuration", "root_block_device.encrypted", _OFF),
    row("disk_unencrypted", "aws_instance aws_launch_configuration", "ebs_block_device.encrypted", _OFF),
    row("disk_unencrypted", "aws_launch_template", "block_device_mappings.ebs.encrypted", _OFF),
    row("disk_unencrypted", "aws_ebs_encryption_by_default", "enabled", _OFF, _FITS),
    row("disk_unencrypted", "ovh_cloud_project_storage", "encryption.sse_algorithm", among("plaintext none")),
    row(
        "database_unencrypted",
        "aws_db_instance",
        "storage_encrypted",
        _OFF,
        _OFFENDS,
        unless="replicate_source_db snapshot_identifier",
    ),
    row(
        "database_unencrypted",
        "aws_rds_cluster",
        "storage_encrypted",
        _OFF,
        _UNTOLD,
        unless="snapshot_identifier replication_source_identifier",
    ),
    row(
        "database_unencrypted",
        "aws_docdb_cluster aws_neptune_cluster",
        "storage_encrypted",
        _OFF,
        _OFFENDS,
        unless="snapshot_identifier",
    ),
    row("database_unencrypted", "aws_redshift_cluster", "encrypted", _OFF, _UNTOLD),
    row("database_unencrypted", _SEARCH, "encrypt_at_rest.enabled", _OFF, _UNTOLD),
    row("database_unencrypted", "scaleway_rdb_instance", "encryption_at_rest", _OFF, _OFFENDS),
    row("database_unencrypted", "azurerm_mssql_database", "transparent_data_encryption_enabled", _OFF, _FITS),
    row("stream_unencrypted", "aws_kinesis_stream", "encryption_type", among("NONE"), _OFFENDS),
    row("stream_unencrypted", "aws_sqs_queue", "sqs_managed_sse_enabled", _OFF, unless="kms_master_key_id"),
    row("stream_unencrypted", "aws_elasticache_replication_group", "at_rest_encryption_enabled", _OFF, _UNTOLD),
)

# ------------------------------------------------------------------------------------------------------------- backups

_REPLICA = "replicate_source_db replication_source_identifier"
BACKUPS: tuple[Setting, ...] = (
    row("database_backup", "aws_db_instance", "backup_retention_period", among("0"), _OFFENDS, unless=_REPLICA),
    row(
        "database_backup",
        "google_sql_database_instance",
        f"{_BACKUP}.enabled",
        _OFF,
        _UNTOLD,
        unless="master_instance_name",
    ),
    row("database_backup", "scaleway_rdb_instance", "disable_backup", _ON, _FITS),
    row("database_backup", "scaleway_mongodb_instance", "is_snapshot_schedule_enabled", _OFF),
    row("database_backup", "aws_dynamodb_table", "point_in_time_recovery.enabled", _OFF, _OFFENDS),
    row("database_backup", _FLEXIBLE, "backup_retention_days", never, _FITS),
    row("backup_short", "aws_db_instance", "backup_retention_period", below(7, but=(0,)), unless=_REPLICA),
    row("backup_short", _AURORA_LIKE, "backup_retention_period", below(7), _OFFENDS, unless=_REPLICA),
    row("backup_short", _FLEXIBLE, "backup_retention_days", below(7), _FITS),
    row("backup_short", "azurerm_mssql_database", "short_term_retention_policy.retention_days", below(7), _FITS),
    row(
        "backup_short", "scaleway_rdb_instance", "backup_schedule_retention", below(7), only=("disable_backup", "false")
    ),
    row(
        "backup_short",
        "google_sql_database_instance",
        f"{_BACKUP}.backup_retention_settings.retained_backups",
        below(7),
        only=(f"{_BACKUP}.backup_retention_settings.retention_unit", "COUNT"),
    ),
    row("backup_short", "scaleway_mongodb_instance", "snapshot_schedule_retention_days", below(7)),
    row("backup_short", "aws_backup_plan", "rule.lifecycle.delete_after", below(7)),
    row("backup_deletable", "azurerm_recovery_services_vault", "soft_delete_enabled", _OFF),
    row("backup_deletable", "azurerm_recovery_services_vault", "immutability", among("Disabled")),
    row("backup_deletable", "azurerm_data_protection_backup_vault", "soft_delete", among("Off")),
    row("backup_deletable", "aws_backup_vault", "force_destroy", _ON, _FITS),
    row(
        "database_deletable", f"aws_db_instance {_AURORA_LIKE}", "deletion_protection", _OFF, _OFFENDS, unless=_REPLICA
    ),
    row(
        "database_deletable",
        "google_sql_database_instance",
        "deletion_protection",
        _OFF,
        _FITS,
        unless="master_instance_name",
    ),
    row("database_deletable", "aws_dynamodb_table", "deletion_protection_enabled", _OFF, _OFFENDS),
    row("database_deletable", "ovh_cloud_project_database", "deletion_protection", _OFF),
    row("final_snapshot", f"aws_db_instance {_AURORA_LIKE}", "skip_final_snapshot", _ON, _FITS, unless=_REPLICA),
    row("final_snapshot", "aws_redshift_cluster", "skip_final_snapshot", _ON, _FITS),
)

# ---------------------------------------------------------------------------------------------------------- identities

_PROJECT_OWNER = among("roles/owner roles/editor")
IDENTITIES: tuple[Setting, ...] = (
    row("iam_wildcard", _ATTACHED, "policy_arn", matching(r".*:policy/AdministratorAccess\Z")),
    row("iam_wildcard", _GOOGLE_GRANTS, "role", _PROJECT_OWNER),
    row("iam_wildcard", "azurerm_role_definition", "permissions.actions", among("*"), unless="permissions.not_actions"),
    row(
        "iam_wildcard",
        "scaleway_iam_policy",
        "rule.permission_set_names",
        among("AllProductsFullAccess OrganizationManager"),
    ),
    row(
        "open_to_anyone",
        "aws_lambda_permission",
        "principal",
        among("*"),
        unless="source_account source_arn principal_org_id function_url_auth_type",
    ),
    row("long_lived_keys", "aws_iam_access_key", "status", among("Active"), _OFFENDS),
    row("long_lived_keys", "google_service_account_key", "expiry", never, _OFFENDS),  # there is no such setting
    row("long_lived_keys", "scaleway_iam_api_key", "expires_at", never, _OFFENDS),
    row("long_lived_keys", "outscale_access_key", "expiration_date", never, _OFFENDS),
    row("password_policy", "aws_iam_account_password_policy", "minimum_password_length", below(12)),
    row("password_policy", "aws_cognito_user_pool", "password_policy.minimum_length", below(12)),
    row("mfa_off", "aws_cognito_user_pool", "mfa_configuration", among("OFF"), _OFFENDS),
    row("mfa_off", "google_identity_platform_config", "mfa.state", among("DISABLED")),
    row("shared_admin", "azurerm_container_registry", "admin_enabled", _ON, _FITS),
    row("shared_admin", "azurerm_kubernetes_cluster", "local_account_disabled", _OFF, _OFFENDS),
    row("password_login", _LINUX, "disable_password_authentication", _OFF, _FITS),
    row("password_login", "azurerm_virtual_machine", "os_profile_linux_config.disable_password_authentication", _OFF),
    row("serial_console", _GOOGLE_MACHINES, "metadata.serial-port-enable", among("true 1")),
    row(
        "serial_console",
        "google_compute_project_metadata_item",
        "value",
        among("true 1"),
        only=("key", "serial-port-enable"),
    ),
)

# ---------------------------------------------------------------------------------------------- Kubernetes, registries

CONTAINERS: tuple[Setting, ...] = (
    row("kubernetes_rights", "google_container_cluster", "enable_legacy_abac", _ON, _FITS),
    row("kubernetes_rights", "azurerm_kubernetes_cluster", "role_based_access_control_enabled", _OFF, _FITS),
    row("kubernetes_logs", "aws_eks_cluster", "enabled_cluster_log_types", never, _OFFENDS, holds="audit"),
    row("kubernetes_logs", "google_container_cluster", "logging_service", among("none"), _FITS),
    row("registry_public", "scaleway_registry_namespace", "is_public", _ON, _FITS),
    row("registry_public", "azurerm_container_registry", "anonymous_pull_enabled", _ON),
    row("registry_public", "google_artifact_registry_repository_iam_member", "member", _ANYONE),
    row("registry_public", "google_artifact_registry_repository_iam_binding", "members", _ANYONE),
    row("image_tags_mutable", "aws_ecr_repository", "image_tag_mutability", among("MUTABLE"), _OFFENDS),
    row("image_tags_mutable", "google_artifact_registry_repository", "docker_config.immutable_tags", _OFF),
)

# -------------------------------------------------------------------------------------------------------------- traces

TRACES: tuple[Setting, ...] = (
    row("log_retention", "aws_cloudwatch_log_group", "retention_in_days", below(90, but=(0,)), _FITS),
    # none: for ever
    row("log_retention", "azurerm_log_analytics_workspace", "retention_in_days", below(90), _UNTOLD),
    row("log_retention", _GOOGLE_LOGS, "retention_days", below(90), _OFFENDS),
    row("log_retention", "scaleway_cockpit_source", "retention_days", below(90), only=("type", "logs")),
    row("log_retention", _AZURE_AUDITS, "retention_in_days", below(90, but=(0,)), _FITS),
    row(
        "log_retention",
        "azurerm_network_watcher_flow_log",
        "retention_policy.days",
        below(90, but=(0,)),
        only=("retention_policy.enabled", "true"),
    ),
    row("audit_trail", "aws_cloudtrail", "enable_logging", _OFF, _FITS),
    row("audit_trail", "aws_cloudtrail", "is_multi_region_trail", _OFF, _OFFENDS),
    row("audit_trail", "aws_cloudtrail", "enable_log_file_validation", _OFF, _OFFENDS),
    row("flow_logs", "azurerm_network_watcher_flow_log", "enabled", _OFF),
    row("flow_logs", "aws_flow_log", "id", never, _FITS),
    row("flow_logs", "google_compute_subnetwork", "log_config", never, _OFFENDS, only=("purpose", "PRIVATE")),
    row(
        "access_logs",
        "aws_lb aws_alb",
        "access_logs.enabled",
        _OFF,
        _OFFENDS,
        only=("load_balancer_type", "application"),
    ),
    row("access_logs", "aws_elb", "access_logs.enabled", _OFF),
    row("access_logs", "aws_elb", "access_logs", never, _OFFENDS),
    row("access_logs", "aws_api_gateway_stage aws_apigatewayv2_stage", "access_log_settings", never, _OFFENDS),
    row("access_logs", "google_compute_backend_service", "log_config.enable", _OFF),
    row("access_logs", "outscale_load_balancer_attributes", "access_log.is_enabled", _OFF),
    row("detection_off", "aws_guardduty_detector", "enable", _OFF, _FITS),
    row("detection_off", "aws_config_configuration_recorder_status", "is_enabled", _OFF),
    row("detection_off", "azurerm_security_center_subscription_pricing", "tier", among("Free")),
    row("detection_off", "azurerm_mssql_server_security_alert_policy", "state", among("Disabled")),
)

# ---------------------------------------------------------------------------------------------------- keys and upkeep

KEYS: tuple[Setting, ...] = (
    row(
        "key_rotation",
        "aws_kms_key",
        "enable_key_rotation",
        _OFF,
        _OFFENDS,
        only=("customer_master_key_spec", "SYMMETRIC_DEFAULT"),
        unless="custom_key_store_id",
    ),
    row(
        "key_rotation", "google_kms_crypto_key", "rotation_period", never, _OFFENDS, only=("purpose", "ENCRYPT_DECRYPT")
    ),
    row(
        "key_rotation",
        "scaleway_key_manager_key",
        "rotation_policy",
        never,
        _OFFENDS,
        only=("usage", "symmetric_encryption"),
    ),
    row("key_deletable", "azurerm_key_vault", "purge_protection_enabled", _OFF, _OFFENDS),
)

UPKEEP: tuple[Setting, ...] = (
    row("updates_off", "aws_db_instance aws_rds_cluster_instance", "auto_minor_version_upgrade", _OFF, _FITS),
    row("updates_off", "aws_elasticache_replication_group aws_elasticache_cluster", "auto_minor_version_upgrade", _OFF),
    row("updates_off", "google_container_node_pool", "management.auto_upgrade", _OFF),
    row("updates_off", "google_container_cluster", "release_channel.channel", among("UNSPECIFIED")),
    row("updates_off", "ovh_cloud_project_kube", "update_policy", among("NEVER_UPDATE")),
    row("updates_off", "scaleway_k8s_cluster", "auto_upgrade.enable", _OFF),
    row("updates_off", "azurerm_windows_virtual_machine", "automatic_updates_enabled", _OFF),
    row("updates_off", "azurerm_windows_virtual_machine", "enable_automatic_updates", _OFF),
    row(
        "zone_unsigned",
        "google_dns_managed_zone",
        "dnssec_config.state",
        among("off"),
        unless="private_visibility_config forwarding_config peering_config",
    ),
    row("zone_unsigned", "scaleway_domain_registration", "dnssec", _OFF),
    row("zone_unsigned", "ovh_domain_zone_dnssec", "id", never, _FITS),
)

SETTINGS = (*NETWORK, *TRANSPORT, *STORES, *BACKUPS, *IDENTITIES, *CONTAINERS, *TRACES, *KEYS, *UPKEEP)

COMPANIONS: tuple[Companion, ...] = (
    Companion("storage_unversioned", "aws_s3_bucket", "aws_s3_bucket_versioning", unless=("versioning",)),
    Companion("flow_logs", "aws_vpc", "aws_flow_log"),
    Companion("kubernetes_api_public", "scaleway_k8s_cluster", "scaleway_k8s_acl"),
    Companion("kubernetes_api_public", "ovh_cloud_project_kube", "ovh_cloud_project_kube_iprestrictions"),
    Companion("database_public", "scaleway_rdb_instance", "scaleway_rdb_acl", unless=("private_network",)),
)
