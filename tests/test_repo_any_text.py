# SPDX-License-Identifier: EUPL-1.2
"""No text, of any syntax or of none, breaks a reader or makes it say what it has not declared."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.evidence.observe import Read, Reader, Unread
from nis2check.evidence.sources import READERS

# reader → paths that it reads in different ways, and words of its syntax
TRIED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ansible": (("roles/a/tasks/main.yml", "group_vars/all.yml", "hosts", "ansible.cfg", "requirements.yml", "site.yml",), (
        "- ", "hosts: a\n", "  ", "tasks:\n", "file: mode=0777\n", "\n", "{{ x }}", "loop: x\n", "'", "password: ", "[a]\n",
        "name: "
    )),
    "apache": (("a.conf",), (
        "<VirtualHost *:443>", "</VirtualHost>", "<IfModule a>", "</IfModule>", "\n", "ServerName a.b", "SSLEngine on", "\\",
        "SSLProtocol", " all", " -", "+", '"', "'", "Header set", "Options ", "Redirect / ", "RewriteEngine On",
        "RewriteCond", "RewriteRule ^ https://%{HTTP_HOST}", "[OR]", "<Location />", "</Location>",
        "SetHandler server-status", "${A}", "{{", "#", "Define A b", "ProxyPass / https://x/", "Require", "<", ">",
        "SSLCipherSuite", ":", "LoadModule", "AuthType Basic"
    )),
    "caddy": (("Caddyfile",), (
        "\n", " {", "{\n", "}\n", "a.example", "http://", ":80", ", ", "(s) {\n", "import s\n", "tls ", "protocols tls1.3",
        "header ", "-X", "redir https://{host}", "admin :1", "log", "roll_keep_for", " 1d", '"', "`", "<<E\n", "\nE\n",
        "\\\n", "#", "{$A}", "{$A:b}", "reverse_proxy https://x", "file_server browse", "basic_auth", "auto_https off", "@m",
        "*"
    )),
    "comments": (("nginx.conf",), (
        "# nis2check:ignore ", "; nis2check:ignore ", "<!-- nis2check:ignore ", "nginx/hsts ", "until=2027-01-01 ", "until=",
        "reason=", "a", "'", "\n", "-->", "*/"
    )),
    "compose": (("compose.yml",), (
        "services:\n", "  a:\n", "    image: ", "    ports: ", "[", "]", "x", "'", ":", "&a ", "*a", "\n", "<<: "
    )),
    "dockerfile": (("Dockerfile",), (
        "FROM a\n", "RUN ", "USER ", "\\\n", "<<EOF", "EOF\n", "#", "ENV A=b ", "ARG ", "'", '"', "$", "{", "\n", "COPY "
    )),
    "dovecot": (("dovecot.conf",), (
        "a {", "}", "\n", "ssl = no", "\\\n", '"', "{%", "#", "args = "
    )),
    "github_actions": ((".github/workflows/a.yml",), (
        "on: push\n", "jobs:\n", "  j:\n", "    steps:\n", "    - run: ", "uses: ", "${{ github.head_ref }}", "|\n", "[",
        "]", "x", ":", "\n"
    )),
    "gitlab_ci": ((".gitlab-ci.yml",), (
        "include:\n", "- remote: ", "j:\n", "  script:\n", "  - ", "|\n", "  image: ", "[", "]", "x", ":", "\n", "&a ", "*a"
    )),
    "haproxy": (("h.cfg",), (
        "\n", "global\n", "defaults\n", "frontend a\n", "backend b\n", "listen c\n", " bind :443 ssl", " ssl-min-ver",
        " TLSv1.2", " if", " unless", " {", " }", " !{", " ssl_fc", " or", " acl x", " hdr(host) -i a.b",
        " redirect scheme https", " stats enable", " stats auth", " a:b", " http-request", " server s x:1 ssl", " verify",
        " default-server", '"', "'", "\\", "#", ".if", ".endif", " from", " user", " ciphers", " set-header X y",
        " stats socket", " log", " use-service prometheus-exporter", ",", "${A}"
    )),
    "helm": (("values.yaml", "Chart.yaml", "templates/a.yaml",), (
        "image:\n", "  repository: ", "  tag: ", "latest\n", "password: ", "service:\n", "  type: NodePort\n", "  port: ",
        "[", "]", "{", "}", "x", "\n"
    )),
    "journald": (("journald.conf",), (
        "[Service]\n", "[Journal]\n", "ExecStart=", "\\\n", "/x {\n", "}\n", "rotate 1\n", "size", "{% if", "Environment='",
        "=", "curl -k "
    )),
    "kubernetes": (("a.yaml",), (
        "apiVersion: v1\n", "kind: Pod\n", "spec:\n", "  containers:\n", "  - image: ", "[", "]", "{", "}", "x", ":", "\n",
        "&a ", "*a", "- ", "'", "{{", "---\n", "items:\n", "kind: List\n", "metadata: {name: a}\n"
    )),
    "kustomize": (("kustomization.yaml",), (
        "resources:\n", "- ", "github.com/a/b", "?ref=", "images:\n", "  newTag: ", "secretGenerator:\n", "[", "]", "x=",
        "\n"
    )),
    "logrotate": (("logrotate.d/x",), (
        "[Service]\n", "[Journal]\n", "ExecStart=", "\\\n", "/x {\n", "}\n", "rotate 1\n", "size", "{% if", "Environment='",
        "=", "curl -k "
    )),
    "named": (("named.conf",), (
        "{", "}", ";", '"', "/*", "//x\n", "options", " any", "!", "allow-recursion", "acl a", "{{"
    )),
    "nginx": (("nginx.conf",), (
        "server", "{", "}", ";", "listen 443 ssl;", "server_name a.b;", '"', "'", "#", "\n", "{{", "}}", "$", "\\"
    )),
    "nsd": (("nsd.conf",), (
        "server:", "zone:\n", "provide-xfr: ", "\n", "#", '"', "{% if"
    )),
    "openssh": (("sshd_config", "ssh_config",), (
        "Match ", "Include x", "\n", "Ciphers ", '"', "{% if", "yes", "Host *\n", "StrictHostKeyChecking"
    )),
    "postfix": (("main.cf", "master.cf",), (
        "mynetworks =", " $a", "\n", "a = $a$a", "{% if", "-o ", "smtpd"
    )),
    "secrets": ((".env",), (
        "-----END", "password", "=", "AKIA", "\n", '"', "https://a:b@"
    )),
    "systemd": (("x.service",), (
        "[Service]\n", "[Journal]\n", "ExecStart=", "\\\n", "/x {\n", "}\n", "rotate 1\n", "size", "{% if", "Environment='",
        "=", "curl -k "
    )),
    "terraform": (("main.tf",), (
        'resource "aws_security_group" "a" {\n', 'data "aws_iam_policy_document" "d" {\n', 'variable "password" {\n',
        "locals {\n", "terraform {\n", 'dynamic "ingress" {\n', "content {\n", "ingress {\n", "statement {\n", "}\n",
        "for_each = ", "cidr_blocks = ", "default = ", "a = ", "local.a", "var.password", "ingress.value", '["0.0.0.0/0"]\n',
        "{ a = 1 }\n", "jsonencode(", ")", "[", "]", '"${', '}"', "<<EOF\n", "EOF\n", "22\n", "\n", "?", ":"
    )),
    "traefik": (("a.yml", "a.toml",), (
        "\n", "  ", ": ", "http", "routers", "rule", "Host(`a.b`)", "tls", "options", "default", "minVersion",
        "VersionTLS12", "[", "]", "=", "services:\n", "image: traefik:v3\n", "command:\n", "- --api.insecure", "labels:\n",
        "- traefik.http.routers.a.rule=Host(`a.b`)\n", "entryPoints", "address", "':443'", "chain.middlewares", "a", ".",
        "{", "}", ",", '"', "api", "insecure", "true", "accessLog"
    )),
    "zone": (("a.zone",), (
        "@ ", "IN ", "MX ", "10 ", "TXT ", '"v=spf1 mx"', "CAA ", "$INCLUDE x", "(", ")", "\n", "* ", "NS ", "a."
    )),
}  # fmt: skip
# what such a file begins with, without which nothing of it is read
HEADS = {
    "secrets": "-----BEGIN PRIVATE KEY-----\n",
    "zone": "$ORIGIN ville.example.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 2 3 4 5\n IN NS ns1\n",
}


def test_every_reader_is_tried() -> None:
    assert TRIED.keys() == {reader.NAME for reader in READERS}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.NAME)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_text_breaks_a_reader(reader: Reader, data: st.DataObject) -> None:
    paths, words = TRIED[reader.NAME]
    pieces = st.lists(st.sampled_from(words) | st.text(max_size=5), max_size=40).map("".join)
    text = HEADS.get(reader.NAME, "") + data.draw(st.text(max_size=300) | pieces)
    declared = {spec.name for spec in reader.FACTS}
    for path in paths:
        for one in reader.read(path, text):
            assert one.line >= 1
            assert isinstance(one, Unread) or (isinstance(one, Read) and one.name in declared)
