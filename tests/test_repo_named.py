# SPDX-License-Identifier: EUPL-1.2
"""named.conf files, beside what named-checkconf makes of them and what named answers on loopback."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import pytest

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import named
from nis2check.model import Json, Kind, Why
from nis2check.rules.load import shipped_rules

Tool = Callable[..., str]


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(named.read("named.conf", text))
    facts = {one.name.removeprefix("named."): one.value for one in found if isinstance(one, Read)}
    return facts, [(one.name.removeprefix("named."), one.why, one.line) for one in found if isinstance(one, Unread)]


def shape(statements: list[named.Statement] | None) -> Json:
    return [(one.words, shape(one.block)) for one in statements or []]


FULL = """// comment ; {
acl "nous" { 10.0.0.0/8; !192.0.2.1; };  # comment "
options {
    directory "/tmp"; /* a
    comment ; } */
    recursion yes; allow-recursion { nous; localhost; };
    version "none; really";
    listen-on port 5353 { 127.0.0.1; };
};
zone "ville.example" IN {
    type primary; file "/dev/null"; allow-transfer { key "k"; }; dnssec-policy default; inline-signing yes;
};
key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0"; };
"""


def test_statements_are_those_of_named(tool: Tool, tmp_path: Path) -> None:
    """named-checkconf prints what it has read, comments gone and in its own layout: the same statements."""
    file = tmp_path / "named.conf"
    file.write_text(FULL)
    done = subprocess.run([tool("named-checkconf"), "-px", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    theirs = {" ".join(one.words[:2]): one for one in named.parse(done.stdout)}
    for ours in named.parse(FULL):
        other = theirs[" ".join(ours.words[:2])]
        for setting in ours.block or ():
            if setting.name in {"secret", "listen-on", "10.0.0.0/8", "!192.0.2.1"}:
                continue  # hidden by -x, or written otherwise
            told = other.get(setting.name)
            assert told is not None, setting.name
            assert told.words == setting.words
            assert bool(told.block) == bool(setting.block)
    assert read(done.stdout)[0].keys() - {"key_secrets"} == read(FULL)[0].keys() - {"key_secrets"}


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ("options { recursion yes; allow-recursion { any; }; };", "open_recursion", True),
        ("options { allow-recursion { 0.0.0.0/0; }; };", "open_recursion", True),
        ("options { recursion yes; allow-query { any; }; };", "open_recursion", True),  # BIND falls back on it
        ("options { recursion no; allow-query { any; }; };", "open_recursion", False),
        ("options { recursion yes; allow-query { any; }; allow-recursion { localnets; }; };", "open_recursion", False),
        ("options { recursion yes; allow-query-cache { any; }; };", "open_recursion", True),
        ('acl "tous" { !192.0.2.1; any; }; options { allow-recursion { tous; }; };', "open_recursion", True),
        ("options { allow-recursion { !any; 10.0.0.0/8; }; };", "open_recursion", False),
        ("options { allow-recursion { none; any; }; };", "open_recursion", False),
        ("options { allow-recursion { ! 10.0.0.1; { any; }; }; };", "open_recursion", True),
        ('view "w" { match-clients { any; }; allow-recursion { any; }; };', "open_recursion", True),
        ('zone "v.example" { type primary; allow-transfer { any; }; };', "open_transfer", True),
        ('zone "v.example" { type primary; allow-transfer { key k; 192.0.2.1; }; };', "open_transfer", False),
        ('view "w" { zone "v.example" { allow-transfer { any; }; }; };', "open_transfer", True),
        ("options { allow-transfer { none; }; };", "open_transfer", False),
        ('zone "v.example" { allow-update { any; }; };', "open_update", True),
        ("controls { inet * port 953 allow { any; } keys { k; }; };", "open_control", True),
        ("controls { inet 127.0.0.1 allow { any; } keys { k; }; };", "open_control", False),
        ("statistics-channels { inet 10.0.0.1 port 8053 allow { 10.0.0.0/8; }; };", "open_control", False),
        ("options { directory \"/x\"; };", "version_disclosed", True),
        ("options { version none; };", "version_disclosed", False),
        ("options { dnssec-validation no; };", "validation_off", True),
        ("options { dnssec-validation auto; };", "validation_off", False),
        ("key k { algorithm hmac-md5; };", "weak_keys", True),
        ("key k { algorithm hmac-sha256; };", "weak_keys", False),
    ],
)  # fmt: skip
def test_each_concern(text: str, fact: str, expected: bool) -> None:
    facts, gaps = read(text)
    assert gaps == []
    assert bool(facts[fact]) is expected


def test_what_the_file_does_not_settle() -> None:
    assert read("options { version none; allow-recursion { bureaux; }; };")[1] == [
        ("open_recursion", Why.UNREADABLE, 1)
    ]
    assert read('options {\n include "x";\n};')[1] == [("version_disclosed", Why.UNREADABLE, 2)]
    assert read("options {\n version none;\n allow-query { any; };\n};")[0] == {
        "version_disclosed": []
    }  # recursion unsaid
    assert read("options {\n{% if x %} recursion yes;")[1] == [("*", Why.TEMPLATED, 2)]
    assert read("options {\n")[1] == [("*", Why.MALFORMED, 2)] or read("options {\n")[1][0][1] is Why.MALFORMED
    assert read("};")[1] == [("*", Why.MALFORMED, 1)]


def test_secrets_are_told_without_their_value() -> None:
    text = 'key "k" {\n algorithm hmac-sha256;\n secret "c2VjcmV0c2VjcmV0c2VjcmV0";\n};'
    found = list(named.read("rndc.key", text))
    assert "c2Vj" not in repr(found)
    assert read(text)[0]["key_secrets"] == [{"name": "key k", "line": 3}]
    assert "key_secrets" not in read('key k { secret "change-me"; };')[0]
    assert "key_secrets" not in read('key k { secret "AAAAAAAAAAAAAAAAAAAAAA=="; };')[0]


def test_a_zone_that_named_signs_is_signed() -> None:
    text = """
    zone "ville.example" { dnssec-policy default; inline-signing yes; };
    zone "a.example" { dnssec-policy none; };
    zone "10.in-addr.arpa" { dnssec-policy x; };
    """
    signed = [one for one in named.read("named.conf", text) if isinstance(one, Read)]
    assert [(one.name, one.subject, one.kind) for one in signed] == [("dns.dnssec.signed", "ville.example", Kind.DNS)]


def test_the_files_of_debian_are_read(tool: Tool) -> None:
    tool("named")
    for file in sorted(Path("/etc/bind").glob("named.conf*")):
        assert [one for one in named.read(file.name, file.read_text()) if isinstance(one, Unread)] == []


def test_only_these_files() -> None:
    for path in ("named.conf", "bind/named.conf.options", "etc/bind/zones.conf", "templates/named.conf.j2", "rndc.key"):
        assert named.matches(path, b"options {\n")
    assert not named.matches("fail2ban/filter.d/named-refused.conf", b"[Definition]\n__named = x\n")
    assert not named.matches("bind/zones.conf", b"just text") and not named.matches("db.conf", b"options {")


def test_depth_and_circles_are_bounded() -> None:
    with pytest.raises(Unseen) as caught:
        named.parse("a {" * 10_000)
    assert caught.value.why is Why.LIMIT
    circle = "acl a { b; }; acl b { a; }; options { version none; allow-recursion { a; }; };"
    assert read(circle)[1] == [("open_recursion", Why.LIMIT, 1)]
    wide = (
        "".join(f"acl a{n} {{ a{n + 1}; a{n + 1}; a{n + 1}; a{n + 1}; }};" for n in range(19))
        + "acl a19 { 10.0.0.1; };"
    )
    started = time.process_time()
    read(f"{wide} options {{ allow-recursion {{ a0; }}; }};")
    assert time.process_time() - started < 5


SNIPPETS = {
    rule.id: rule.remediation["bind"]
    for rule in shipped_rules()
    if rule.id.startswith("named/") and "bind" in rule.remediation
}


@pytest.mark.parametrize("rule_id", sorted(SNIPPETS))
def test_named_accepts_what_the_rules_tell_to_paste_and_it_cures(tool: Tool, tmp_path: Path, rule_id: str) -> None:
    (tmp_path / "key").write_text("")
    text = re.sub(r'"/etc/[^"]+"', f'"{tmp_path}/key"', SNIPPETS[rule_id])
    file = tmp_path / "named.conf"
    file.write_text(text)
    done = subprocess.run([tool("named-checkconf"), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    if not rule_id.endswith("key-secrets"):
        assert read(SNIPPETS[rule_id])[0][rule_id.removeprefix("named/").replace("-", "_")] == []


# ------------------------------------------------------------------------------------------------------------ live


def test_named_tells_its_version_and_resolves_as_the_reader_says(tool: Tool) -> None:
    """From 127.0.0.1, which `localhost` would take: an address elsewhere stands for those who may."""
    folder = Path(tempfile.mkdtemp(prefix="named"))
    folder.chmod(0o755)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = f'directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/k"; managed-keys-directory "{folder}";'
    options = f"options {{ {where} listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; RULES }}; controls {{ }};"
    try:
        for rules in ("recursion yes; allow-query { any; };", "version none; allow-recursion { 192.0.2.1; };"):
            text = options.replace("RULES", rules)
            (folder / "named.conf").write_text(text)
            facts, _gaps = read(text)
            process = subprocess.Popen(
                [tool("named"), "-g", "-c", str(folder / "named.conf"), *(["-n", "1"])],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                assert bool(facts["version_disclosed"]) is bool(ask(port, "version.bind", "TXT", "CH").answer)
                offered = ask(port, "1.10.in-addr.arpa", "PTR", "IN").flags & dns.flags.RA
                assert bool(facts["open_recursion"]) is bool(offered)
            finally:
                process.terminate()
                process.wait(15)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ask(port: int, name: str, kind: str, group: str) -> dns.message.Message:
    """The answer, once the server is up."""
    question = dns.message.make_query(name, kind, group)
    until = time.monotonic() + 15
    while True:
        try:
            return dns.query.tcp(question, "127.0.0.1", port=port, timeout=5)
        except (OSError, dns.exception.DNSException):
            assert time.monotonic() < until, os.strerror(111)
            time.sleep(0.05)
