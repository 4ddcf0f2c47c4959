# SPDX-License-Identifier: EUPL-1.2
"""What is looked for in Terraform files, whatever the cloud: one fact a file and concern, the list of what offends."""

from __future__ import annotations

from nis2check.model import FactSpec

# Concern → what its list holds. Each item has name (address of the block), line, and mostly setting, value, said (see ledger).
_MEANINGS = {
    # network
    "open_ports": "Ports open to the whole Internet: from, to, class (all: every port).",
    "default_accept": "Firewalls that accept by default what no rule names.",
    "database_public": "Databases reachable from any address.",
    "kubernetes_api_public": "Kubernetes control planes reachable from any address.",
    "metadata_v1": "Virtual machines whose metadata service answers without a token (IMDSv1).",
    # transport
    "tls_old": "Listeners and services that accept TLS older than 1.2.",
    "plain_http": "Services that answer in plain HTTP without redirecting.",
    "database_plain": "Databases and caches that accept connections without TLS.",
    "vpn_weak": "VPN tunnels with ciphers or groups that are broken or too small.",
    "provider_unverified": "Providers told not to check the certificate of what they drive.",
    # stores
    "storage_public": "Buckets, containers and images of disks that anyone may read or write.",
    "storage_guard": "Guards against public buckets that are lifted.",
    "storage_unversioned": "Buckets that keep no earlier version of an object.",
    "disk_unencrypted": "Disks and file systems without encryption at rest.",
    "database_unencrypted": "Databases without encryption at rest.",
    "stream_unencrypted": "Queues, streams and caches without encryption at rest.",
    # backups
    "database_backup": "Databases without automatic backup.",
    "backup_short": "Backups kept less than seven days.",
    "backup_deletable": "Backup vaults whose copies can be erased at once.",
    "database_deletable": "Databases without protection against deletion.",
    "final_snapshot": "Databases erased without a last snapshot.",
    # identities
    "iam_wildcard": "Policies that allow every action on every resource, or the administrator's role.",
    "open_to_anyone": "Resources whose policy opens them to any account, without condition.",
    "long_lived_keys": "Access keys without end date.",
    "password_policy": "Password policies shorter than twelve characters.",
    "mfa_off": "User directories without a second factor.",
    "shared_admin": "Shared administrator accounts that are switched on.",
    "password_login": "Virtual machines that let in by password.",
    "serial_console": "Virtual machines with an interactive serial console.",
    "secrets": "Passwords and keys written out; their values are never kept.",
    "sensitive_variables": "Variables named as secrets that are not marked sensitive.",
    # Kubernetes and registries
    "kubernetes_rights": "Kubernetes clusters without role-based access control, or with legacy accounts.",
    "kubernetes_logs": "Kubernetes control planes that keep no audit log.",
    "registry_public": "Container registries that anyone may read.",
    "image_tags_mutable": "Container registries whose tags may be overwritten.",
    # traces
    "log_retention": "Logs kept less than ninety days.",
    "audit_trail": "Audit trails off, of one region only, or without proof of integrity.",
    "flow_logs": "Networks without flow logs.",
    "access_logs": "Load balancers and gateways without access logs.",
    "detection_off": "Detection services switched off.",
    # keys
    "key_rotation": "Encryption keys without rotation.",
    "key_deletable": "Key vaults that can be purged at once.",
    # upkeep
    "database_releases": "Releases of databases: name, release (postgres:13), whether maintained or not.",
    "runtime_releases": "Releases of languages that functions and applications run on, whether maintained or not.",
    "updates_off": "Automatic security updates switched off.",
    # supply chain and state
    "providers_unpinned": "Providers without a version constraint.",
    "modules_unpinned": "Remote modules without a fixed version.",
    "modules_plain": "Modules fetched over a channel without protection.",
    "state_unprotected": "State kept on the local disk, or sent without encryption.",
    "state_committed": "A state file in clear: resources, sensitive (how many values are marked so).",
    # names
    "zone_unsigned": "DNS zones whose signing is off.",
}

PREFIX = "terraform."

FACTS = tuple(FactSpec(f"{PREFIX}{name}", "array", "", meaning) for name, meaning in _MEANINGS.items())
