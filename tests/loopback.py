# SPDX-License-Identifier: EUPL-1.2
"""What tests beside real servers on loopback share: a certificate, programs that run, and a client that takes whatever they give.

A plain module, not fixtures: test files use it at any depth, and it holds no test.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

NAME = "www.ville.example"
VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
ANY_SUITE = "ALL:@SECLEVEL=0"  # so that OpenSSL itself does not refuse the old versions
RSA = ("rsa:2048",)
P_256 = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def certify(openssl: str, folder: Path, key: Sequence[str] = RSA) -> Path:
    """A certificate of NAME in the folder: cert.pem, key.pem, and both.pem with the two."""
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", *key, "-nodes", "-days", "2", "-keyout", str(folder / "key.pem"),
         "-out", str(folder / "cert.pem"), "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def free_ports() -> tuple[int, int]:
    """Two ports that were free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


@contextmanager
def listening(command: Sequence[str], ports: Collection[int], folder: Path) -> Iterator[None]:
    """The program runs, at home in that folder, and all these ports answer; it is stopped at the end."""
    home = str(folder)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
    log = folder / f"said-{min(ports)}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        until = time.monotonic() + 30
        while not all(map(_answers, ports)):
            assert process.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def serving(
    named: str,
    folder: Path,
    port: int,
    zones: Mapping[str, str],
    options: str = "recursion no; notify no;",
    more: str = "",
) -> AbstractContextManager[None]:
    """BIND with these zones, each with its file in the folder; ``more``: zones of another kind."""
    config = f"""options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
      pid-file none; session-keyfile none; dnssec-validation no; {options} }}; controls {{ }};\n"""
    config += "".join(f'zone "{zone}" {{ type primary; file "{file}"; }};\n' for zone, file in zones.items())
    file = folder / f"named-{port}.conf"
    file.write_text(config + more)
    return listening([named, "-f", "-n", "1", "-c", str(file)], [port], folder)


def client(suites: str = ANY_SUITE) -> ssl.SSLContext:
    """A client that checks no certificate and asks for these suites."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(suites)
    return context


def accepted(port: int, name: str = NAME) -> list[str]:
    """The versions that the server takes from a client asking for that name."""
    return [word for word, version in VERSIONS.items() if shakes(port, version, name=name)]


def shakes(port: int, version: ssl.TLSVersion, suites: str = ANY_SUITE, *, name: str = NAME) -> bool:
    """Whether the server takes a client that has this version alone."""
    context = client(suites)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    try:
        chosen(port, context, name)
    except (ssl.SSLError, ConnectionError):
        return False
    return True


def chosen(port: int, context: ssl.SSLContext, name: str = NAME) -> str:
    """The suite that the server and this client agree on."""
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        suite = secure.cipher()
    assert suite is not None
    return suite[0]


def page(port: int, path: str = "/", *, tls: bool, name: str = NAME) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers (their names in lower case) and body of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    if tls:
        connection.sock = client().wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=name)
    connection.request("GET", path, headers={"Host": name})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, [(key.lower(), value) for key, value in answer.getheaders()], body


def get(port: int, *, tls: bool) -> list[tuple[str, str]]:
    """The headers of the page / of NAME."""
    return page(port, tls=tls)[1]
