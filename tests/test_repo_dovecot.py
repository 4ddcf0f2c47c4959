# SPDX-License-Identifier: EUPL-1.2
"""Dovecot files of 2.3 and 2.4, beside what doveconf makes of them and what Dovecot answers on loopback."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import dovecot
from nis2check.model import Json, Why
from nis2check.rules.load import shipped_rules
from tests.loopback import accepted, free_port, listening

Tool = Callable[..., str]


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(dovecot.read("dovecot.conf", text))
    facts = {one.name.removeprefix("dovecot."): one.value for one in found if isinstance(one, Read)}
    declared = {spec.name.removeprefix("dovecot.") for spec in dovecot.FACTS}
    assert facts.keys() <= declared
    return facts, [(one.name.removeprefix("dovecot."), one.why, one.line) for one in found if isinstance(one, Unread)]


def doveconf(program: str, file: Path, name: str) -> str:
    done = subprocess.run([program, "-c", str(file), "-h", name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def version_of_2_3(tool: Tool) -> str:
    """doveconf, when it knows the settings of 2.3."""
    program = tool("doveconf")
    told = subprocess.run([tool("dovecot"), "--version"], capture_output=True, text=True, check=True).stdout
    if not told.startswith("2.3"):
        pytest.skip(f"this is Dovecot {told.split()[0]}")
    return program


ODD = """# comment
ssl = yes
ssl = required # the last wins
disable_plaintext_auth = no
ssl_min_protocol = "TLSv1.1"
login_trusted_networks = 10.0.0.0/8 \\
  192.168.0.0/16
protocol imap {
  ssl_cipher_list = ALL
  auth_verbose_passwords = plain
}
  auth_debug_passwords=yes
service imap-login {
  inet_listener imap {
    port = 0
  }
}
"""


def test_values_are_those_of_doveconf(version_of_2_3: str, tmp_path: Path) -> None:
    file = tmp_path / "dovecot.conf"
    file.write_text(ODD)
    ours = dovecot.parse(ODD)
    for name in ("ssl", "disable_plaintext_auth", "ssl_min_protocol", "login_trusted_networks", "auth_debug_passwords"):
        one = ours.first(name)
        assert one is not None and one.setting.value == doveconf(version_of_2_3, file, name), name
    assert ours.broken == 0
    assert [one.blocks for one in ours.settings if one.setting.name == "ssl_cipher_list"] == [("protocol imap",)]


def test_a_file_included_later_has_the_last_word(version_of_2_3: str, tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("ssl = no\nauth_debug_passwords = no\n")
    file = tmp_path / "dovecot.conf"
    file.write_text("ssl = required\n!include more.conf\nauth_debug_passwords = yes\n")
    assert doveconf(version_of_2_3, file, "ssl") == "no"
    assert doveconf(version_of_2_3, file, "auth_debug_passwords") == "yes"
    facts, gaps = read(file.read_text())
    assert facts == {"passwords_logged": [{"name": "auth_debug_passwords", "line": 3, "value": "yes"}]}
    assert gaps == [("tls_off", Why.UNREADABLE, 1)]


def test_files_that_hold_databases_only_say_nothing_else() -> None:
    facts, gaps = read("ssl = yes\ndisable_plaintext_auth = no\n!include auth-system.conf.ext\n")
    assert bool(facts["cleartext_authentication"]) and gaps == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssl = yes\ndisable_plaintext_auth = no", True),
        ("ssl = required\ndisable_plaintext_auth = no", False),  # refused before TLS all the same
        ("ssl = yes\ndisable_plaintext_auth = yes", False),
        ("ssl = yes\nauth_allow_cleartext = yes", True),  # 2.4
        ("ssl = required\nauth_allow_cleartext = yes", False),
        ("auth_allow_cleartext = no", False),
        ("disable_plaintext_auth = no", None),  # ssl is in another file
        ("ssl = yes\nremote 10.0.0.0/8 {\n disable_plaintext_auth = no\n}", None),  # of those clients only
        ("ssl = yes\ndisable_plaintext_auth = {{ plain }}", None),
    ],
)
def test_cleartext_authentication(text: str, expected: bool | None) -> None:
    facts, _gaps = read(text)
    value = facts.get("cleartext_authentication")
    assert (None if value is None else bool(value)) is expected


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ("ssl = no", "tls_off", True),
        ("ssl = yes", "tls_off", False),
        ("protocol pop3 {\n ssl = no\n}", "tls_off", True),
        ("auth_verbose_passwords = sha1", "passwords_logged", False),
        ("auth_verbose_passwords = plain", "passwords_logged", True),
        (
            "passdb {\n driver = passwd-file\n args = scheme=PLAIN username_format=%u /etc/users\n}",
            "password_scheme",
            True,
        ),
        ("passdb {\n driver = passwd-file\n args = scheme=SHA512-CRYPT /etc/users\n}", "password_scheme", False),
        ("passdb {\n args = scheme=ARGON2ID /a\n}\npassdb {\n args = scheme=plain-md5 /b\n}", "password_scheme", True),
        ("passdb sql {\n passdb_default_password_scheme = SHA256.HEX\n}", "password_scheme", False),  # 2.4
        ("login_trusted_networks = 127.0.0.1 0.0.0.0/0", "trusted_networks", True),
        ("login_trusted_networks = 10.0.0.5", "trusted_networks", False),
        ("ssl_cipher_list = ALL:!DH:!kRSA:!LOW:!SSLv2:!EXP:!aNULL", "weak_ciphers", False),
        ("ssl_cipher_list = HIGH:RC4-SHA", "weak_ciphers", True),
    ],
)
def test_other_concerns(text: str, fact: str, expected: bool) -> None:
    assert bool(read(text)[0][fact]) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssl_min_protocol = TLSv1.2", ["TLSv1.2", "TLSv1.3"]),
        ("ssl_min_protocol = TLSv1", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        ("ssl_min_protocol = LATEST", ["TLSv1.3"]),
        ("ssl_protocols = !SSLv2 !SSLv3 !TLSv1", ["TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        ("ssl_min_protocol = ANY", None),
        ("ssl_min_protocol = {{ x }}", None),
        ("ssl = no\nssl_min_protocol = TLSv1", None),
        ("ssl_min_protocol = TLSv1\n!include_try local.conf", None),
    ],
)
def test_versions(text: str, expected: list[str] | None) -> None:
    assert read(text)[0].get("tls.versions") == expected


def test_blocks_that_do_not_fit_are_a_gap() -> None:
    assert read("protocol imap {\nssl = no\n")[1] == [("*", Why.MALFORMED, 2)]
    assert read("}\nssl = no\n") == (
        {"tls_off": [{"name": "ssl", "line": 2, "value": "no"}]},
        [("*", Why.MALFORMED, 1)],
    )


def test_the_files_of_debian_are_read(tool: Tool) -> None:
    tool("doveconf")
    files = sorted(Path("/etc/dovecot").rglob("*.conf"))
    assert files
    for file in files:
        gaps = [one for one in dovecot.read(str(file), file.read_text()) if isinstance(one, Unread)]
        assert gaps == [], file


def test_only_these_files() -> None:
    for path in ("dovecot.conf", "etc/dovecot/conf.d/10-ssl.conf", "templates/dovecot.conf.j2", "dovecot/local.conf"):
        assert dovecot.matches(path, b"")
    assert not dovecot.matches("conf.d/10-ssl.conf", b"") and not dovecot.matches("dovecot/dovecot-sql.conf.ext", b"")


# Those of 2.3: this is what Debian runs.
SNIPPETS = {rule.id: rule.remediation["dovecot"] for rule in shipped_rules() if "dovecot" in rule.remediation}


@pytest.mark.parametrize("rule_id", sorted(SNIPPETS))
def test_dovecot_accepts_what_the_rules_tell_to_paste(version_of_2_3: str, tmp_path: Path, rule_id: str) -> None:
    file = tmp_path / "dovecot.conf"
    file.write_text(re.sub(r"</etc/\S+", "", SNIPPETS[rule_id]) + "\n")
    for name in re.findall(r"^(\w+) =", SNIPPETS[rule_id], re.MULTILINE):
        doveconf(version_of_2_3, file, name)
    facts, gaps = read(SNIPPETS[rule_id])
    if rule_id.startswith("dovecot/"):
        assert gaps == [] and facts[rule_id.removeprefix("dovecot/").replace("-", "_")] == []


# ------------------------------------------------------------------------------------------------------------ live


@pytest.mark.parametrize("minimum", ["TLSv1.2", "TLSv1.3"])
def test_dovecot_takes_the_versions_that_the_reader_says(version_of_2_3: str, tool: Tool, minimum: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dovecot"))
    folder.chmod(0o755)
    issued = trustme.CA().issue_cert("imap.ville.example")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    port = free_port()
    tls = f"ssl = required\nssl_min_protocol = {minimum}\n"
    (folder / "dovecot.conf").write_text(
        f"{tls}ssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\nbase_dir = {folder}/run\nstate_dir = {folder}/state\n"
        f"protocols = imap\nlisten = 127.0.0.1\nlog_path = /dev/stderr\nssl_dh =\nmail_location = maildir:{folder}/mail\n"
        "service imap-login {\n  inet_listener imap {\n    port = 0\n  }\n"
        f"  inet_listener imaps {{\n    port = {port}\n  }}\n}}\n"
    )
    try:
        with listening([tool("dovecot"), "-F", "-c", str(folder / "dovecot.conf")], [port], folder):
            assert accepted(port) == read(tls)[0]["tls.versions"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
