# SPDX-License-Identifier: EUPL-1.2
"""One rule, two eyes: real servers on loopback, started from files that our readers read and looked at by our own probes."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nis2check.evidence.observe import Read, Reader, Unread
from nis2check.evidence.repo import apache, caddy, haproxy, nginx
from nis2check.model import Json
from tests.loopback import NAME, certify, free_ports, listening

MODULES = "/usr/lib/apache2/modules"
LOADS = "\n".join(
    f"LoadModule {name}_module {MODULES}/mod_{name}.so"
    for name in ("mpm_event", "authz_core", "socache_shmcb", "ssl", "headers", "alias", "dir")
)
SUITES = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"

# HTTP_PORT and TLS_PORT stand for 80 and 443, FOLDER for a folder with the certificate and a page.
APACHE = f"""ServerRoot /etc/apache2
PidFile FOLDER/pid
ErrorLog FOLDER/log
DefaultRuntimeDir FOLDER
{LOADS}
Listen 127.0.0.1:HTTP_PORT
Listen 127.0.0.1:TLS_PORT
SSLCertificateFile FOLDER/cert.pem
SSLCertificateKeyFile FOLDER/key.pem
SSLCipherSuite {{suites}}
DocumentRoot FOLDER/www
ServerName {NAME}
<VirtualHost *:HTTP_PORT>
  ServerName {NAME}
  {{plain}}
</VirtualHost>
<VirtualHost *:TLS_PORT>
  ServerName {NAME}
  SSLEngine on
  {{words}}
</VirtualHost>
"""
HAPROXY = f"""global
  ssl-default-bind-ciphers {{suites}}
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend clear
  bind 0.0.0.0:HTTP_PORT
  {{plain}}
frontend web
  bind 0.0.0.0:TLS_PORT ssl crt FOLDER/both.pem {{words}}
  acl ours hdr(host) -i {NAME}
  {{rules}}
  http-request return status 200 content-type text/html string "<p>Ville</p>"
"""
NGINX = f"""daemon off; master_process off; pid FOLDER/pid; error_log FOLDER/log;
events {{{{}}}}
http {{{{
  access_log off; root FOLDER/www; ssl_certificate FOLDER/cert.pem; ssl_certificate_key FOLDER/key.pem;
  client_body_temp_path FOLDER/a; proxy_temp_path FOLDER/b; fastcgi_temp_path FOLDER/c; uwsgi_temp_path FOLDER/d;
  scgi_temp_path FOLDER/e; ssl_ciphers {{suites}};
  server {{{{ listen HTTP_PORT; server_name {NAME}; {{plain}} }}}}
  server {{{{ listen TLS_PORT ssl; server_name {NAME}; {{words}} }}}}
}}}}
"""
CADDY = f"""{{{{
  admin off
  local_certs
  skip_install_trust
  http_port HTTP_PORT
  https_port TLS_PORT
}}}}
{NAME} {{{{
  tls FOLDER/cert.pem FOLDER/key.pem {{words}}
  {{rules}}
  root * FOLDER/www
  file_server
}}}}
"""
HSTS = "Strict-Transport-Security"
HAPROXY_SETS = f"http-after-response set-header {HSTS}"
WEAK = "ECDHE-RSA-AES256-SHA:AES256-SHA"
CASES: dict[str, tuple[Reader, str, dict[str, str]]] = {
    "apache-strong": (
        apache,
        APACHE,
        {
            "suites": SUITES,
            "plain": f"Redirect permanent / https://{NAME}/",
            "words": "SSLProtocol -all +TLSv1.2 +TLSv1.3\n  SSLHonorCipherOrder on\n"
            f"  Header always set {HSTS} max-age=63072000\n  Header set X-Content-Type-Options nosniff",
        },
    ),
    "apache-weak": (
        apache,
        APACHE,
        {"suites": WEAK, "plain": "", "words": "SSLProtocol TLSv1.2\n  SSLHonorCipherOrder off"},
    ),
    "haproxy-strong": (
        haproxy,
        HAPROXY,
        {
            "suites": SUITES,
            "plain": "http-request redirect scheme https code 301",
            "words": "ssl-min-ver TLSv1.2",
            "rules": f"{HAPROXY_SETS} max-age=63072000\n  http-after-response set-header X-Frame-Options DENY",
        },
    ),
    "haproxy-weak": (
        haproxy,
        HAPROXY,
        {
            "suites": WEAK,
            "plain": "http-request redirect location https://elsewhere.example/",
            "words": "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 prefer-client-ciphers",
            "rules": f"{HAPROXY_SETS} max-age=60",
        },
    ),
    "nginx-strong": (
        nginx,
        NGINX,
        {
            "suites": SUITES,
            "plain": "return 301 https://$host$request_uri;",
            "words": "ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; server_tokens off; "
            f"add_header {HSTS} max-age=63072000;",
        },
    ),
    "nginx-weak": (
        nginx,
        NGINX,
        {"suites": WEAK, "plain": "", "words": "ssl_protocols TLSv1.2; ssl_prefer_server_ciphers off;"},
    ),
    "caddy-strong": (
        caddy,
        CADDY,
        {"words": "", "rules": f"header {HSTS} max-age=63072000\n  header X-Content-Type-Options nosniff"},
    ),
    "caddy-weak": (caddy, CADDY, {"words": "{\n    protocols tls1.2 tls1.2\n  }", "rules": ""}),
}


@pytest.fixture(scope="module")
def folder(tool: Callable[..., str]) -> Iterator[Path]:
    """A certificate and a page, where an unprivileged child of a server started by root may read them."""
    with tempfile.TemporaryDirectory(prefix="nis2check-site-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "www").mkdir()
        (place / "www/index.html").write_text("<!doctype html><title>Ville</title><p>Bienvenue à la mairie</p>")
        certify(tool("openssl"), place)
        yield place


def command(reader: Reader, tool: Callable[..., str], file: Path) -> list[str]:
    return {
        "apache": lambda: [tool("apache2"), "-f", str(file), "-X"],
        "haproxy": lambda: [tool("haproxy"), "-db", "-f", str(file)],
        "nginx": lambda: [tool("nginx"), "-p", str(file.parent), "-c", str(file)],
        "caddy": lambda: [tool("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)],
    }[reader.NAME]()


def seen(
    inside: Callable[..., subprocess.CompletedProcess[bytes]], kind: str, ports: tuple[int, int]
) -> dict[str, Json]:
    """What our own probe sees of the name."""
    plain, secure = ports
    done = inside(
        "probe", kind, f"{NAME}:443", "--json", "--internal", "--pace", "lab", "--resolve", f"{NAME}:443:127.0.0.1",
        "--resolve", f"{NAME}:80:127.0.0.1", "--connect-to", f"{NAME}:443:127.0.0.1:{secure}",
        "--connect-to", f"{NAME}:80:127.0.0.1:{plain}",
    )  # fmt: skip
    assert done.returncode in {0, 3}, done.stderr
    return {fact["name"]: fact["value"] for fact in json.loads(done.stdout)["facts"]}


@pytest.mark.parametrize("case", CASES)
def test_the_file_says_what_our_probes_see(
    tool: Callable[..., str],
    inside: Callable[..., subprocess.CompletedProcess[bytes]],
    folder: Path,
    tmp_path: Path,
    case: str,
) -> None:
    reader, template, words = CASES[case]
    text = template.format(**words)
    ports = free_ports()
    read = text.replace("HTTP_PORT", "80").replace("TLS_PORT", "443").replace("FOLDER", "/srv")
    live = text.replace("HTTP_PORT", str(ports[0])).replace("TLS_PORT", str(ports[1])).replace("FOLDER", str(folder))
    found = [one for one in reader.read("file", read) if one.subject == f"{NAME}:443"]
    assert not [one for one in found if isinstance(one, Unread)]
    said = {one.name: one.value for one in found if isinstance(one, Read)}
    file = (folder if reader is nginx else tmp_path) / "server.conf"
    file.write_text(live.replace("0.0.0.0:", "127.0.0.1:"))
    with listening(command(reader, tool, file), ports, file.parent):
        met = seen(inside, "tls", ports) | seen(inside, "http", ports)
    assert {"tls.accepted", "tls.versions", "tls.weak_suites", "http.https", "http.redirects_to_https"} <= said.keys()
    assert said == {name: met.get(name, "not seen") for name in said}
