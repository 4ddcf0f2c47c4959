# SPDX-License-Identifier: EUPL-1.2
"""What the rules over web servers advise is read by the same readers as right."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Read, Reader
from nis2check.evidence.repo import apache, caddy, haproxy, nginx, traefik
from nis2check.model import Rule
from nis2check.rules.load import shipped_rules

READERS: dict[str, tuple[Reader, str]] = {
    "apache": (apache, "a.conf"),
    "nginx": (nginx, "nginx.conf"),
    "haproxy": (haproxy, "haproxy.cfg"),
    "caddy": (caddy, "Caddyfile"),
    "traefik": (traefik, "traefik.yml"),
}
RULES = [rule for rule in shipped_rules() if rule.id.partition("/")[0] in READERS]
# Where a line of a section alone stands.
AROUND = {
    "nginx": ("server { listen 443 ssl; server_name www.ville.example; ", " }"),
    "haproxy": ("listen a\n", ""),
    "caddy": ("www.ville.example {\n", "\n}\n"),
}
# What these advise says nothing of its concern alone: it wants a backend, a port or the file around it.
BESIDE = {
    "apache/backend-unverified", "apache/basic-auth-clear", "apache/directory-listing", "caddy/backend-unverified",
    "haproxy/admin-socket-open", "haproxy/default-passwords", "haproxy/logs-off", "haproxy/runs-as-root",
    "nginx/backend-unverified", "nginx/basic-auth-clear", "traefik/backend-unverified", "traefik/logs-off",
    "traefik/routers-in-clear",
}  # fmt: skip


def test_every_rule_over_a_web_server_has_its_snippet() -> None:
    assert len(RULES) >= 42
    for rule in RULES:
        assert rule.remediation.get(rule.id.partition("/")[0]), rule.id


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_what_a_rule_advises_does_not_offend_it(rule: Rule) -> None:
    product = rule.id.partition("/")[0]
    reader, path = READERS[product]
    snippet = rule.remediation[product]
    before, after = AROUND.get(product, ("", ""))
    found = [one for text in (snippet, before + snippet + after) for one in reader.read(path, text)]
    facts = [one for one in found if isinstance(one, Read) and one.name in rule.expect]
    assert not any(one.value for one in facts)
    assert bool(facts) is (rule.id not in BESIDE)
