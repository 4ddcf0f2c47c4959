# SPDX-License-Identifier: EUPL-1.2
"""A lab of differently configured TLS servers on loopback, for the benchmark and the comparison with other tools.

nginx when it is installed (one process, many listeners), else one ``openssl s_server`` a listener.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "ville.test"


@dataclass(frozen=True, slots=True)
class Profile:
    """How a server is configured. ``keys`` names its certificates; ``ciphers`` is OpenSSL's, for TLS 1.2 and older."""

    name: str
    versions: str
    ciphers: str
    keys: tuple[str, ...] = ("rsa",)
    preference: bool = True


PROFILES = (
    Profile("modern13", "TLSv1.3", "", ("ec",)),
    Profile("intermediate-ec", "TLSv1.2 TLSv1.3", "ECDHE+AESGCM:ECDHE+CHACHA20", ("ec",), preference=False),
    Profile("intermediate-rsa", "TLSv1.2 TLSv1.3", "ECDHE+AESGCM:DHE+AESGCM:ECDHE+CHACHA20"),
    Profile("old-rsa", "TLSv1 TLSv1.1 TLSv1.2", "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"),
    Profile("old-rsa-13", "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"),
    Profile("tls10-only", "TLSv1", "AES:!aNULL:!PSK:!SRP:@SECLEVEL=0"),
    Profile("rsa-key-exchange", "TLSv1.2", "kRSA+AESGCM:kRSA+AES:!PSK"),
    Profile("null", "TLSv1.2", "eNULL:!aNULL:!PSK:@SECLEVEL=0"),
    Profile("cbc-12", "TLSv1.2", "ECDHE+AES:!AESGCM:!AESCCM:!PSK"),
    Profile("dual", "TLSv1 TLSv1.1 TLSv1.2", "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0", ("rsa", "ec")),
)
_KEYS = {
    "rsa": ("-newkey", "rsa:2048"),
    "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "pss": ("-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ed25519": ("-newkey", "ed25519"),
}
_ORDER = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True, slots=True)
class Server:
    profile: Profile
    port: int
    starttls: str = ""


@dataclass(frozen=True, slots=True)
class Lab:
    """Running servers. ``roots`` is a bundle of their certificates; ``status`` the port of nginx's counters, 0 for none."""

    servers: tuple[Server, ...]
    roots: Path
    status: int

    def connections(self) -> int | None:
        """Connections that the servers accepted so far, each question of ours counted as one; None when nobody counts."""
        if not self.status:
            return None
        with socket.create_connection(("127.0.0.1", self.status)) as one:
            one.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: one.recv(4096), b""))
        found = re.search(rb"requests\s+(\d+)", answer)
        assert found is not None
        return int(found[1])


def find(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@contextmanager
def lab(count: int) -> Iterator[Lab]:
    """``count`` servers, the profiles in turn; ended on leaving."""
    with tempfile.TemporaryDirectory(prefix="nis2check-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx workers drop their rights and still write here
        keys(folder)
        status, *ports = free_ports(count + 1)
        servers = tuple(Server(PROFILES[at % len(PROFILES)], port) for at, port in enumerate(ports))
        nginx = find("nginx")
        running = _nginx(nginx, folder, servers, status) if nginx else _openssl(folder, servers)
        try:
            wait(servers)
            yield Lab(servers, folder / "roots.pem", status if nginx else 0)
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait(10)


def keys(folder: Path) -> None:
    for name, options in _KEYS.items():
        subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-days", "90"]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        command = ["openssl", "req", "-x509", *options, "-nodes", *subject, *files]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    roots = b"".join((folder / f"{name}.pem").read_bytes() for name in _KEYS)
    (folder / "roots.pem").write_bytes(roots)
    command = ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", "dh.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago: all are held until the last is found."""
    held = [socket.create_server(("127.0.0.1", 0)) for _one in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def _nginx(program: str, folder: Path, servers: Sequence[Server], status: int) -> tuple[subprocess.Popen[bytes], ...]:
    blocks = "\n".join(_block(server) for server in servers)
    (folder / "nginx.conf").write_text(
        f"""
daemon off; pid {folder}/nginx.pid; worker_processes 2; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; ssl_dhparam {folder}/dh.pem; ssl_session_cache off; ssl_session_tickets off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
{blocks}
}}
"""
    )
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    return (subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL),)


def _block(server: Server) -> str:
    profile = server.profile
    certificates = " ".join(f"ssl_certificate {key}.pem; ssl_certificate_key {key}.key;" for key in profile.keys)
    ciphers = f'ssl_ciphers "{profile.ciphers}";' if profile.ciphers else ""
    order = "on" if profile.preference else "off"
    return (
        f"  server {{ listen 127.0.0.1:{server.port} ssl backlog=1024; {certificates} ssl_protocols {profile.versions};"
        f' {ciphers} ssl_prefer_server_ciphers {order}; return 200 "ok"; }}'
    )


def _openssl(folder: Path, servers: Sequence[Server]) -> tuple[subprocess.Popen[bytes], ...]:
    return tuple(
        subprocess.Popen(
            _s_server(server),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for server in servers
    )


def _s_server(server: Server) -> list[str]:
    profile = server.profile
    offered = profile.versions.split()
    command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{server.port}", "-dhparam", "dh.pem"]
    for option, key in zip((("-cert", "-key"), ("-dcert", "-dkey")), profile.keys, strict=False):
        command += [option[0], f"{key}.pem", option[1], f"{key}.key"]
    command += ["-min_protocol", offered[0], "-max_protocol", offered[-1]]
    command += [f"-no_{re.sub('v?1[.]', '1_', word.lower())}" for word in _ORDER if word not in offered]
    command += ["-cipher", profile.ciphers] if profile.ciphers else []
    return command + (["-serverpref"] if profile.preference else [])


def wait(servers: Sequence[Server]) -> None:
    until = time.monotonic() + 20
    for server in servers:
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", server.port)) == 0:
                    break
            if time.monotonic() > until:
                raise RuntimeError(f"server {server.profile.name} on port {server.port} did not start")
            time.sleep(0.02)
