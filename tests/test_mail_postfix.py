# SPDX-License-Identifier: EUPL-1.2
"""One SMTP session with Postfix: with TLS, without, and when it takes no client."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from nis2check.evidence.net.mail import smtp
from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Settings, Wire
from nis2check.model import Why

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.ville.test
mydestination =
alias_maps =
default_database_type = hash
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
"""
MASTER = """
127.0.0.1:{tls} inet n - n - - smtpd -o smtpd_tls_security_level=may -o smtpd_tls_mandatory_protocols=>=TLSv1.2
127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_tls_security_level=none
127.0.0.1:{closed} inet n - n - - smtpd -o smtpd_client_restrictions=reject -o smtpd_delay_reject=no
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
"""


@pytest.fixture(scope="module")
def postfix(tool: Callable[..., str]) -> Iterator[dict[str, int]]:
    """Ports of one Postfix: ``tls``, ``plain``, and ``closed``, which takes no client."""
    command = tool("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix starts as root only")
    settings = {"daemon_directory": "", "meta_directory": "", "shlib_directory": "", "command_directory": ""}
    for name in settings:
        settings[name] = subprocess.run(
            ["postconf", "-dh", name], check=True, capture_output=True, text=True
        ).stdout.strip()
    settings["meta_directory"] = "/etc/postfix"
    folder = Path(tempfile.mkdtemp(prefix="postfix"))
    folder.chmod(0o755)
    ports = {}
    for name in ("tls", "plain", "closed"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports[name] = int(free.getsockname()[1])
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    issued = trustme.CA().issue_cert("mx.ville.test")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "etc" / "main.cf").write_text(MAIN.format(folder=folder) + lines)
    (folder / "etc" / "master.cf").write_text(MASTER.format(**ports))
    try:
        subprocess.run([command, "-c", str(folder / "etc"), "start"], check=True, capture_output=True, timeout=20)
        yield ports
        subprocess.run([command, "-c", str(folder / "etc"), "stop"], check=True, capture_output=True, timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def session(port: int) -> smtp.Session:
    wire = Wire(Settings(internal=True))
    return asyncio.run(smtp.session(wire, "mx.ville.test", Endpoint("127.0.0.1", port), Deadline.after(20)))


def test_postfix_with_tls(postfix: dict[str, int]) -> None:
    found = session(postfix["tls"])
    assert (found.starttls, found.where, found.version, found.no_version) == (True, "STARTTLS", "TLSv1.3", None)
    assert x509.load_der_x509_certificate(found.chain[0]).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.DNSName) == ["mx.ville.test"]


def test_postfix_without_tls(postfix: dict[str, int]) -> None:
    assert session(postfix["plain"]) == smtp.Session(False, "EHLO: 250")


def test_postfix_that_takes_nobody_tells_nothing_of_starttls(postfix: dict[str, int]) -> None:
    with pytest.raises(Unseen) as caught:
        session(postfix["closed"])
    assert caught.value.why is Why.BLOCKED
    assert "554" in caught.value.detail
