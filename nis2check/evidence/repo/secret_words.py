# SPDX-License-Identifier: EUPL-1.2
"""Names that announce a secret, and values that are none: shared by the readers of services, manifests and CI."""

from __future__ import annotations

import re
from collections.abc import Collection

# The last word of a name says what its value is: DB_PASSWORD, apiKey, smtp.password; not passwordFile nor PASSWORD_KEY.
_NAME = re.compile(
    r"(?:\A|.*[^a-z0-9]|.*[a-z0-9](?=[A-Z]))"
    r"(?:(?i:password|passwd|passphrase|secret|secret_?key|api_?key|access_?key|private_?key|auth_?token|access_?token"
    r"|token|dockerconfigjson))\Z"
)
_GLUED = re.compile(r"[A-Za-z0-9_.-]*(?:PASSWORD|PASSWD|password|passwd)\Z")

# Names of what holds a secret elsewhere.
_ELSEWHERE = re.compile(
    r"existing|image_?pull|pull_?secret|tls_?secret|cert_?secret|from_?secret|secret_?ref", re.IGNORECASE
)

# Not a secret: a reference, a template, a path, a type, or a word that asks to be replaced.
_PLACEHOLDER = re.compile(
    r"[$%<{(!&*|>@/\[#]|\.{1,3}(?:/|\Z)|ENC\[|vault:|op://|secretref|"
    r"(?:null|none|nil|true|false|string|yes|no|~)\Z|x{3,}\Z|\*{3,}|redacted|dummy|fake|example|sample|placeholder|fixme"
    r"|(?:todo|to[-_ ]?be|change[-_ ]?(?:it|me|this)|replace|your|my[-_ ]|insert|\d{1,3}\Z)"
    r"|[\w-]+\.(?:key|crt|pem|cert|jks|p12|pfx|txt|json|ya?ml)\Z",  # a file
    re.IGNORECASE,
)

# What publishers ship and tutorials copy: the first that anybody tries.
_DEFAULTS_WORDS = """
admin administrator root toor password passw0rd p@ssw0rd pass passwd secret postgres postgresql mysql mariadb mongo
mongodb redis rabbitmq guest minio minioadmin minio123 elastic kibana grafana user test tests testing demo default
azerty qwerty 123456 12345678 1234 12345 123456789 letmein welcome keycloak geoserver georchestra tomcat jenkins
sonar nexus admin123 password123 password1 root123 motdepasse azerty123 changeit changeme example db dbpassword
postgrespassword rootpassword
mysecretpassword secretpassword s3cr3t
"""
DEFAULTS = frozenset(_DEFAULTS_WORDS.split())


# Folders of what is tried, and of what is shown: neither is installed, and their secrets open nothing.
_TESTS = r"tests?|testdata|test-data|fixtures?|__tests__|__mocks__|mocks?|e2e"
# Beside what it tests, as Go, Python and JavaScript name it.
_TEST_FILE = r"(?:^|/)(?:test_[^/]*\.py|[^/]*_test\.(?:go|py)|[^/]*\.(?:test|spec)\.[cm]?[jt]sx?)\Z"
_TEST = re.compile(rf"(?:^|/)(?:{_TESTS})/|{_TEST_FILE}", re.IGNORECASE)
_SAMPLE = re.compile(rf"(?:^|/)(?:examples?|samples?|docs?|documentation|tutorials?|{_TESTS})/", re.IGNORECASE)
_PASSWORD = re.compile(r".*(?:pass|passwd|password|passphrase|secret|secret_?key|access_?key)\Z", re.IGNORECASE)


def is_sample(path: str) -> bool:
    """Whether a file lies among examples, documentation or tests."""
    return _SAMPLE.search(path) is not None


def is_test(path: str) -> bool:
    """Whether a file lies among tests."""
    return _TEST.search(path) is not None


def names_password(name: str) -> bool:
    """Whether it is a secret that a person chooses, and so may leave as it came; a token is given by a server."""
    return names_secret(name) and _PASSWORD.match(name[-80:]) is not None


def names_secret(name: str) -> bool:
    """Whether what is called so is a secret by its name."""
    end = name[-80:]
    if _ELSEWHERE.search(end):
        return False
    return _NAME.match(end) is not None or _GLUED.fullmatch(end) is not None


def names_account(name: str) -> bool:
    """Whether what is called so is an account or a database: a password that repeats it is the first to be tried."""
    return name.upper().endswith(("USER", "USERNAME", "_DB", "_NAME", "DATABASE", "LOGIN"))


def is_default(value: str, accounts: Collection[str] = ()) -> bool:
    """Whether a password is one of those that everybody tries first, the name of its own account among them."""
    bare = value.strip().strip("\"'").lower()
    return bare in DEFAULTS or (len(bare) > 2 and bare in accounts)


def is_written_out(value: str) -> bool:
    """Whether the value looks like the secret itself, and not like a way to get it or a word that asks to be replaced."""
    text = value.strip().strip("\"'").strip()
    return len(text) >= 4 and " " not in text and _PLACEHOLDER.match(text) is None
