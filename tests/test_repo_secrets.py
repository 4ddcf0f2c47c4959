# SPDX-License-Identifier: EUPL-1.2
"""Secrets in files: found by kind and place, certain or not at all, and never repeated."""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from nis2check.evidence.observe import Read
from nis2check.evidence.repo import secrets

PASSWORD = "SuperSecretCanaryPassw0rd!"


def read(path: str, text: str) -> list[tuple[str, int]]:
    found = list(secrets.read(path, text))
    assert len(found) <= 1
    for one in found:
        assert isinstance(one, Read)
        assert one.line == one.value[0]["line"]
        return [(hit["kind"], hit["line"]) for hit in one.value]
    return []


def pem(form: PrivateFormat, protection: KeySerializationEncryption) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, form, protection).decode()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH])
def test_a_private_key_in_clear(form: PrivateFormat) -> None:
    text = pem(form, NoEncryption())
    assert read("a.key", "# key\n" + text) == [("private_key", 2)]
    indented = "tls:\n  key: |\n" + "".join(f"    {line}\n" for line in text.splitlines())
    assert read("values.yaml", indented) == [("private_key", 3)]
    assert read("a.json", '{"key": "' + text.replace("\n", "\\n") + '"}') == [("private_key", 1)]


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_with_a_passphrase_is_no_secret_in_clear(form: PrivateFormat) -> None:
    assert read("a.key", pem(form, BestAvailableEncryption(b"passphrase"))) == []


def test_an_openssh_key_with_a_passphrase() -> None:
    """Made by ssh-keygen -N passphrase; its cipher is named inside."""
    body = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAEAAAAzAAAAC3NzaC1l"
    text = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"
    assert read("id_ed25519", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 1_000_000,
        "-----BEGIN PUBLIC KEY-----\n" + "A" * 100 + "\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\n" + "A" * 100 + "\n-----END CERTIFICATE-----\n",
    ],
    ids=["placeholder", "without an end", "public", "certificate"],
)
def test_what_is_no_private_key(text: str) -> None:
    assert read("a.pem", text) == []


def test_a_key_of_a_test_opens_nothing() -> None:
    text = pem(PrivateFormat.PKCS8, NoEncryption())
    assert read("src/tests/keys.py", text) == []
    assert read("src/tls/keys_test.go", text) == read("src/keys.spec.ts", text) == []
    assert read("src/contest/keys.py", text) == read("src/test.key", text) == [("private_key", 1)]
    assert read("docs/deploy.pem", text) == [("private_key", 1)], "who writes a manual may paste the real one"


def test_a_real_rsa_key() -> None:
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert read("x.pem", text + text) == [("private_key", 1), ("private_key", text.count("\n") + 1)]


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ('access_key = "AKIAQ3EGRIZ5UVKDJ2TP"', ["aws_access_key_id"]),
        ('access_key = "AKIAIOSFODNN7EXAMPLE"', []),  # the one of Amazon's documentation
        ('secret_key = "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"', ["aws_secret_access_key"]),
        ("secret_key = var.secret_key", []),
        ('secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"', []),  # of the same documentation
        ("token: ghp_" + "a1B2" * 9, ["github_token"]),
        ("token: glpat-" + "a1B2c" * 4, ["gitlab_token"]),
        ("sha256: " + "a" * 64, []),
    ],
)
def test_keys_of_clouds(line: str, kinds: list[str]) -> None:
    assert [kind for kind, _line in read("main.tf", line)] == kinds


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        (".env", f"DB_PASSWORD={PASSWORD}", True),
        ("prod.env", f"export API_KEY='{PASSWORD}'", True),
        (".env.production", f"JWT_SECRET={PASSWORD}", True),
        ("docker-compose.yml", f"      POSTGRES_PASSWORD: {PASSWORD}", True),
        ("compose.yaml", f"      - MYSQL_ROOT_PASSWORD={PASSWORD}", True),
        (".env.example", f"DB_PASSWORD={PASSWORD}", False),
        (".env", "DB_PASSWORD=", False),
        (".env", "DB_PASSWORD=${DB_PASSWORD}", False),
        (".env", "DB_PASSWORD=changeme", False),
        (".env", "DB_PASSWORD=<password>", False),
        (".env", f"# DB_PASSWORD={PASSWORD}", False),
        (".env", "JWT_SECRET=fake_jwt_secret", False),
        ("compose.yaml", "      - POSTGRES_PASSWORD=postgres", False),  # judged as a default password
        (".env", "PASSWORD_FILE=/run/secrets/db", False),
        ("compose.yaml", "      POSTGRES_PASSWORD_FILE: /run/secrets/db", False),
        ("compose.yaml", "      MYSQL_ALLOW_EMPTY_PASSWORD: 'true'", False),
        ("app.yaml", f"password: {PASSWORD}", False),  # not certain: any YAML may speak of passwords
    ],
)
def test_passwords_written_out(path: str, line: str, found: bool) -> None:
    assert read(path, "\n" + line + "\n") == ([("password", 2)] if found else [])


def test_the_value_is_never_repeated() -> None:
    text = f"DB_PASSWORD={PASSWORD}\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY0\n"
    said = str(list(secrets.read(".env", text)))
    assert "Canary" not in said
    assert "CANARYKEY0" not in said


@pytest.mark.parametrize(
    ("path", "head", "takes"),
    [
        (".env", b"", True),
        ("a/main.tf", b"", True),
        ("README.md", b"text", False),
        ("README.md", b"-----BEGIN RSA PRIVATE KEY-----", True),
        ("package-lock.json", b"{}", False),
        ("a.key", b"\x30\x82\0\0", False),
        ("image.png", b"", False),
    ],
)
def test_what_is_read(path: str, head: bytes, takes: bool) -> None:
    assert secrets.matches(path, head) is takes


@pytest.mark.parametrize(
    "line",
    [
        "PASSWORD=" + "A" * 100_000,
        "A" * 50_000 + "=",
        "-" * 50_000,
        " " * 50_000 + "x",
        "secret_key" * 10_000,
        "AKIA" * 20_000,
    ],
)
def test_no_line_takes_for_ever(line: str) -> None:
    start = time.monotonic()
    read(".env", line)
    read(".env", line[:4000] + "\n" + line[:4000])
    assert time.monotonic() - start < 1
