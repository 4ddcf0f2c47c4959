# SPDX-License-Identifier: EUPL-1.2
"""Finds secrets committed to a repository: few patterns, each certain. Only kind and place are kept, never the value."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.secret_words import is_default, is_test, is_written_out, names_account, names_password
from nis2check.model import FactSpec, Json

NAME = "secrets"
FACTS = (
    FactSpec("secrets.committed", "array", "", "Secrets in clear in the file: kind and line of each, never the value."),
)

MOST_FOUND = 100  # of one file
LONGEST_LINE = 4096  # a longer one is data, not configuration

# What an infrastructure repository writes by hand; binary formats, minified code and lock files are not read.
_BY_NAME = re.compile(
    r"(?:^|/)(?:\.env(?:\.[^/]*)?|[^/]*\.env|id_(?:rsa|dsa|ecdsa|ed25519)|\.?(?:pgpass|my\.cnf|netrc|htpasswd)|credentials)\Z"
    r"|\.(?:pem|key|ya?ml|tf|tfvars|hcl|conf|cfg|cnf|ini|properties|toml|sh|bash|ps1|j2|tmpl|template|json|xml)\Z",
    re.IGNORECASE,
)
_SAMPLE = re.compile(r"(?:example|sample|dist|template|defaults?|tpl)\b", re.IGNORECASE)
_ENV = re.compile(r"(?:^|/)(?:\.env(?:\.[^/]*)?|[^/]*\.env)\Z", re.IGNORECASE)
_LOCK = re.compile(r"(?:^|/)(?:package-lock\.json|[^/]*\.lock\.json|composer\.json|package\.json)\Z")

_PEM = re.compile(r"-----BEGIN ((?:RSA |EC |DSA |OPENSSH )?PRIVATE KEY)-----")
_AWS_ID = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])")
_AWS_SECRET = re.compile(
    r"(?:aws_)?secret_(?:access_)?key[\"']?\s{0,5}[:=]\s{0,5}[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", re.IGNORECASE
)
_TOKENS = (
    (
        "github_token",
        re.compile(r"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})(?![A-Za-z0-9_])"),
    ),
    ("gitlab_token", re.compile(r"(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20}(?![A-Za-z0-9_-])")),
    ("scaleway_key", re.compile(r"(?<![A-Z0-9])SCW[A-Z0-9]{17}(?![A-Z0-9])")),
)
# NAME=value or NAME: value, where the last word of the name says what it is.
_ASSIGNED = re.compile(
    r"\s{0,100}-?\s{0,10}(?:export\s{1,5})?[\"']?([A-Za-z0-9_]{0,60}(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRET_KEY|API_KEY|TOKEN))[\"']?"
    r"\s{0,5}[:=]\s{0,5}(.{1,500})\Z",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\s{0,100}-?\s{0,10}[\"']?([A-Za-z0-9_]{1,60})[\"']?\s{0,5}[:=]\s{0,5}(.{1,200})\Z")
_COMPOSE = re.compile(r"(?:^|/)(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml\Z", re.IGNORECASE)

Hit = tuple[str, int]


def matches(path: str, head: bytes) -> bool:
    """Files written by hand, by their name; a private key whatever its name."""
    if b"\0" in head:
        return False
    return (_BY_NAME.search(path) is not None and _LOCK.search(path) is None) or b"PRIVATE KEY-----" in head


def read(path: str, text: str) -> Iterator[Read | Unread]:
    """One fact when there is a secret; a file without says nothing."""
    lines = text.splitlines()
    keys = () if is_test(path) else _keys(lines)  # a key of a test opens nothing
    found = [*keys, *_cloud(lines), *_assigned(path, lines)]
    if found:
        listed: list[dict[str, Json]] = [
            {"kind": kind, "line": line} for kind, line in sorted(set(found), key=lambda hit: (hit[1], hit[0]))
        ]
        yield Read("secrets.committed", listed[:MOST_FOUND], listed[0]["line"])


def _keys(lines: list[str]) -> Iterator[Hit]:
    """Private keys in clear: PEM with enough of a body, not protected by a passphrase."""
    for number, line in enumerate(lines, 1):
        if "PRIVATE KEY-----" not in line or len(line) > 2 * LONGEST_LINE:
            continue
        start = _PEM.search(line)
        if start is None:
            continue
        body, protected = _body(line[start.end() :], lines[number : number + 200])
        if len(body) >= 60 and not protected and not _is_encrypted_openssh(start[1], body):
            yield "private_key", number


def _body(rest: str, following: list[str]) -> tuple[str, bool]:
    """The base64 of a PEM block up to its end, on one line with ``\\n`` or on many; and whether a header says encrypted."""
    pieces: list[str] = []
    for line in (rest, *following):
        if "ENCRYPTED" in line:
            return "", True
        for piece in line.replace("\\n", "\n").split("\n"):
            text = piece.strip().strip("\"'|>,+ ")
            if text.startswith("-----END"):
                return "".join(pieces), False
            if re.fullmatch(r"[A-Za-z0-9+/=]{1,4096}", text):
                pieces.append(text)
    return "", False  # without an end it is no key


def _is_encrypted_openssh(kind: str, body: str) -> bool:
    """OpenSSH names the cipher inside; ``none`` is a key in clear."""
    if not kind.startswith("OPENSSH"):
        return False
    try:
        head = b64decode(body[:60])
    except (binascii.Error, ValueError):
        return False
    return head.startswith(b"openssh-key-v1\0") and b"\0\0\0\x04none" not in head


def _cloud(lines: list[str]) -> Iterator[Hit]:
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            continue
        if any(not one[0].endswith("EXAMPLE") for one in _AWS_ID.finditer(line)):
            yield "aws_access_key_id", number
        if any("EXAMPLE" not in one[1] for one in _AWS_SECRET.finditer(line)):
            yield "aws_secret_access_key", number
        for kind, pattern in _TOKENS:
            if pattern.search(line):
                yield kind, number


def _assigned(path: str, lines: list[str]) -> Iterator[Hit]:
    """Passwords written out in the environment of a service; sample files are there to be filled in."""
    in_compose = _COMPOSE.search(path) is not None  # whose default passwords are judged as such, not twice
    if not (_ENV.search(path) or in_compose) or _SAMPLE.search(path.rpartition("/")[2]):
        return
    accounts = _accounts(lines) if in_compose else frozenset()
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNED.match(line)
        if match is None:
            continue
        value = match[2].strip().strip("\"'").strip()
        if is_written_out(value) and not (in_compose and names_password(match[1]) and is_default(value, accounts)):
            yield "password", number


def _accounts(lines: list[str]) -> frozenset[str]:
    """The accounts and databases that a Compose file names."""
    found = (_NAMED.match(line) for line in lines if len(line) <= LONGEST_LINE)
    return frozenset(match[2].strip().strip("\"'").lower() for match in found if match and names_account(match[1]))
