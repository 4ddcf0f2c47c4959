# SPDX-License-Identifier: EUPL-1.2
"""What a rule tells to paste is accepted by the product itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.rdata
import pytest
import trustme

from nis2check.rules.load import shipped_rules

Tool = Callable[..., str]

_RECORD = re.compile(r"^(\S+) IN ([A-Z]+) (.+)$", re.MULTILINE)


def snippets(product: str) -> list[tuple[str, str]]:
    """Each snippet once, with the first rule that gives it."""
    found = {rule.remediation[product]: rule.id for rule in reversed(shipped_rules()) if product in rule.remediation}
    return [(rule_id, text) for text, rule_id in found.items()]


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files that snippets name, replaced by real ones."""
    folder = tmp_path_factory.mktemp("snippets")
    leaf = trustme.CA().issue_cert("exemple.fr")
    chain, key, dh = folder / "fullchain.pem", folder / "privkey.pem", folder / "dh.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    group = ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe3072", "-out", str(dh)]
    subprocess.run(group, check=True, capture_output=True)
    return {
        "/etc/letsencrypt/live/exemple.fr/fullchain.pem": str(chain),
        "/etc/letsencrypt/live/exemple.fr/privkey.pem": str(key),
        "/etc/nginx/dh.pem": str(dh),
    }


@pytest.mark.parametrize(("rule_id", "snippet"), snippets("nginx"))
def test_nginx_accepts_it(tool: Tool, stand_ins: dict[str, str], tmp_path: Path, rule_id: str, snippet: str) -> None:
    for named, real in stand_ins.items():
        snippet = snippet.replace(named, real)
    # Testing a configuration opens its sockets: a path instead of a port needs no right and meets nobody.
    snippet = re.sub(r"listen \d+", f"listen unix:{tmp_path}/s", snippet)
    certificate, key = list(stand_ins.values())[:2]
    tls = "" if "ssl_certificate " in snippet else f"ssl_certificate {certificate};"
    tls += "" if "ssl_certificate_key " in snippet else f"ssl_certificate_key {key};"
    listen = "" if "listen" in snippet else f"listen unix:{tmp_path}/s ssl;"
    snippet = snippet.replace("/var/log/nginx/", f"{tmp_path}/")
    outside = snippet if snippet.startswith("user ") else ""
    snippet = "" if outside else snippet.replace("http://application", "http://127.0.0.1:8080")
    if snippet.startswith("proxy_pass "):
        snippet = f"location / {{\n{snippet}\n}}"
    server = snippet if snippet.startswith("server {") else f"server {{\n{listen}\n{tls}\n{snippet}\n}}"
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"{outside}\npid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{server}\n}}\n",
        encoding="utf-8",
    )

    done = subprocess.run(
        [tool("nginx"), "-t", "-p", str(tmp_path), "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_postfix_knows_every_parameter(tool: Tool, tmp_path: Path) -> None:
    lines = sorted({line for _rule_id, text in snippets("postfix") for line in text.splitlines()})
    (tmp_path / "main.cf").write_text("\n".join(["compatibility_level = 3.6", *lines, ""]), encoding="utf-8")
    (tmp_path / "master.cf").write_text("", encoding="utf-8")

    done = subprocess.run([tool("postconf"), "-c", str(tmp_path), "-n"], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "unused parameter" not in done.stderr
    assert lines
    for line in lines:
        assert line.split(" = ")[0] in done.stdout


def test_records_to_publish_are_well_formed() -> None:
    records = [(rule_id, *found) for rule_id, text in snippets("bind") for found in _RECORD.findall(text)]

    assert len(records) > 8
    for _rule_id, _name, kind, value in records:
        dns.rdata.from_text("IN", kind, value)


# Where a line of HAProxy's manual belongs when a snippet does not say its section.
_HAPROXY_SECTIONS = (
    (("global", "defaults", "frontend", "backend", "listen", "userlist"), ""),
    (("stats socket", "user ", "group ", "ssl-default-bind"), "global"),
    (("server ",), "backend there"),
)


def _haproxy_section(snippet: str) -> str | None:
    """The section to open above a snippet, "" when it opens its own, None when it belongs to the frontend of the test."""
    for starts, section in _HAPROXY_SECTIONS:
        if snippet.startswith(starts):
            return section
    return None


@pytest.mark.parametrize(("rule_id", "snippet"), snippets("haproxy"))
def test_haproxy_accepts_it(tool: Tool, stand_ins: dict[str, str], tmp_path: Path, rule_id: str, snippet: str) -> None:
    chain, key = list(stand_ins.values())[:2]
    bundle = tmp_path / "both.pem"
    bundle.write_bytes(Path(chain).read_bytes() + Path(key).read_bytes())
    snippet = snippet.replace("app.example:443", "127.0.0.1:443").replace("/run/haproxy", str(tmp_path))
    section = _haproxy_section(snippet)
    users = "" if "userlist" in snippet else "userlist admins\n    user agent insecure-password x\n"
    before, inside = ("", snippet) if section is None else (f"{section}\n{snippet}\n", "")
    front = (
        f"frontend web\n    mode http\n    timeout client 5s\n    bind unix@{tmp_path}/s ssl crt {bundle}\n{inside}\n"
    )
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(f"{before}{users}{front}", encoding="utf-8")

    done = subprocess.run(
        [tool("haproxy"), "-c", "-f", str(configuration)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("rule_id", "snippet"), snippets("dovecot"))
def test_dovecot_accepts_it(tool: Tool, tmp_path: Path, rule_id: str, snippet: str) -> None:
    configuration = tmp_path / "dovecot.conf"
    configuration.write_text(f"{snippet}\n", encoding="utf-8")

    done = subprocess.run(
        [tool("doveconf"), "-c", str(configuration), "-a"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    for setting in re.findall(r"^(\w+ = .+)$", snippet, re.MULTILINE):
        assert setting in done.stdout


@pytest.mark.parametrize(
    ("rule_id", "snippet"),
    [(rule_id, text) for rule_id, text in snippets("bind") if re.search(r"^(options|zone|dnssec-policy)", text)],
)
def test_named_accepts_it(tool: Tool, tmp_path: Path, rule_id: str, snippet: str) -> None:
    configuration = tmp_path / "named.conf"
    configuration.write_text(f"{snippet}\n", encoding="utf-8")

    done = subprocess.run([tool("named-checkconf"), str(configuration)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
