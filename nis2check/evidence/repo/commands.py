# SPDX-License-Identifier: EUPL-1.2
"""What a command line of a file shows for sure: a download that nothing protects. And what is no secret, whatever its name."""

from __future__ import annotations

import re

_URL = re.compile(r"\bhttp://([^\s/\"'<>|;:)]{1,253})", re.IGNORECASE)
_DOWNLOADS = re.compile(r"(?:^|[\s/;|&(`'\"])(?:curl|wget)\s", re.IGNORECASE)
_UNCHECKED = re.compile(r"\s(?:--insecure|--no-check-certificate|-[a-zA-Z]{0,8}k[a-zA-Z]{0,8})(?=\s|\Z)")
# Hosts that no stranger stands before: the machine itself, names without a dot, private addresses and reserved names.
_NEAR = re.compile(
    r"(?:[^.]+|localhost|127\..*|10\..*|192\.168\..*|169\.254\..*|172\.(?:1[6-9]|2\d|3[01])\..*|.*\.(?:local|localhost|lan|internal|test|invalid|example))\Z"
)
MOST_COMMAND = 1 << 14

_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:(?P<password>password|passwd|passphrase|mdp|(?:ssh|become|sudo|db)_pass)|secret|secret_?key|api_?key|token|access_key)\Z",
    re.IGNORECASE,
)
# A reference, a template, a hash, a path, a type, or a word that asks to be replaced.
_NO_SECRET = re.compile(
    r"[$%<{(!&*|>@/~]|-{2}|\.{1,2}/|https?:|(?:null|none|true|false|yes|no|string|omit|present|absent|always|never|on|off)\Z"
    r"|.*(?:todo|xxx|\*{3}|change|replace|your|example|exemple|placeholder|redacted|dummy|insert|fixme|to[-_ ]?be)",
    re.IGNORECASE | re.DOTALL,
)
_WELL_KNOWN = """
    changeme change_me change-me changeit password passw0rd p@ssw0rd p@ssword admin administrator root toor secret default
    guest test demo 1234 12345 123456 12345678 123456789 motdepasse azerty qwerty ansible vagrant postgres mysql
    admin123 password123 letmein welcome user
"""
WELL_KNOWN = frozenset(_WELL_KNOWN.split())


def is_near(host: str) -> bool:
    """Whether a host is on the machine itself or a private network, as far as its name tells."""
    return _NEAR.match(host.rpartition("@")[2].lower()) is not None


def plain_url_host(text: str) -> str:
    """The first far host that the text reaches over http:// without encryption, empty without."""
    return next((found[1].rpartition("@")[2] for found in _URL.finditer(text) if not is_near(found[1])), "")


def downloads(command: str) -> bool:
    """Whether the command calls curl or wget."""
    return _DOWNLOADS.search(command[:MOST_COMMAND]) is not None


def unsafe_download(command: str) -> str:
    """What is wrong with a download by curl or wget: certificate not checked, or http://; empty when nothing is."""
    command = command[:MOST_COMMAND]
    if not downloads(command):
        return ""
    if _UNCHECKED.search(command):
        return "certificate not checked"
    host = plain_url_host(command)
    return f"http://{host}" if host else ""


def is_secret_in_clear(name: str, value: str) -> bool:
    """A literal secret, by the last word of its name. What only looks like a name (``tls_secret: wildcard``) is none."""
    kind = _SECRET_NAME.search(name)
    if kind is None or len(value) < 4 or _NO_SECRET.match(value) or value.lower() in WELL_KNOWN:
        return False
    if kind["password"]:
        return " " not in value.strip()
    return len(value) >= 12 and bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))


def is_well_known_password(name: str, value: str) -> bool:
    """A password that every attacker tries first."""
    kind = _SECRET_NAME.search(name)
    return kind is not None and bool(kind["password"]) and value.lower() in WELL_KNOWN
