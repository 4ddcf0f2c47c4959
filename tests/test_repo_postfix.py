# SPDX-License-Identifier: EUPL-1.2
"""Postfix files, beside what postconf makes of them and what Postfix does with them on loopback."""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import postfix
from nis2check.model import Json, Why

Tool = Callable[..., str]


def read(text: str, path: str = "postfix/main.cf") -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(postfix.read(path, text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in postfix.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


def offends(text: str, fact: str, path: str = "postfix/main.cf") -> bool | None:
    """Whether the file offends; None when it says nothing, or leaves it open."""
    facts, gaps = read(text, path)
    if any(name == f"postfix.{fact}" for name, _why, _line in gaps):
        return None
    value = facts.get(f"postfix.{fact}")
    return None if value is None else bool(value)


ODD = """# a comment
mynetworks = 127.0.0.0/8
  # a comment between a line and its continuation
\t[::1]/128

   10.0.0.0/8
smtpd_banner=$myhostname ESMTP
smtpd_relay_restrictions =
    permit_mynetworks,
    reject_unauth_destination
myhostname = first.ville.example
myhostname = mx.ville.example
inner = 192.168.0.0/16
relayhost = ${inner}
"""


def test_parameters_are_those_of_postconf(tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(ODD)
    (tmp_path / "master.cf").write_text("")
    ours = {name: " ".join(one.value.split()) for name, one in postfix.parameters(ODD).items()}
    names = ["mynetworks", "smtpd_banner", "smtpd_relay_restrictions", "myhostname", "relayhost"]
    command = [tool("postconf"), "-c", str(tmp_path), "-h", *names]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [ours[name] for name in names] == [" ".join(line.split()) for line in told]


def test_variables_are_filled_in_as_postconf_does(tool: Tool, tmp_path: Path) -> None:
    text = "a = 10.0.0.0/8\nb = $a, ${a} $(a)\nmynetworks = $b $$c\n"
    (tmp_path / "main.cf").write_text(text)
    (tmp_path / "master.cf").write_text("")
    command = [tool("postconf"), "-c", str(tmp_path), "-x", "-h", "mynetworks"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert postfix._value(postfix.parameters(text), "mynetworks") == told.strip().replace("$$", "$")


def test_services_of_master_are_those_of_postconf(tool: Tool, tmp_path: Path) -> None:
    text = (
        "smtp inet n - y - - smtpd\n#off inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n"
        "  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes\n  -o { mynetworks = 10.0.0.0/8 }\n"
        "pickup unix n - y 60 1 pickup\n"
    )
    (tmp_path / "main.cf").write_text("")
    (tmp_path / "master.cf").write_text(text)
    command = [tool("postconf"), "-c", str(tmp_path), "-P"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ours = {(name, one.name): one.value for name, options in postfix.services(text) for one in options.values()}
    found = re.findall(r"^(\w+)/inet/(\w+) = (.*)$", told, re.MULTILINE)
    assert ours == {(service, name): value for service, name, value in found}
    assert [name for name, _options in postfix.services(text)] == ["smtp", "submission"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mynetworks = 127.0.0.0/8 [::1]/128", False),
        ("mynetworks = 127.0.0.0/8, 0.0.0.0/0", True),
        ("mynetworks = [::]/0", True),
        ("mynetworks = !0.0.0.0/0, 10.0.0.0/8", False),
        ("mynetworks = 10.0.0.0/8 !0.0.0.0/0", False),
        ("nets = 0.0.0.0/0\nmynetworks = 127.0.0.1 ${nets}", True),
        ("mynetworks = 0.0.0.0/0\nmynetworks = 127.0.0.1", False),  # the last wins
        ("mynetworks = 0.0.0.0/0\nsmtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination", True),
        ("mynetworks = 0.0.0.0/0\nsmtpd_relay_restrictions = permit_sasl_authenticated, reject", False),
        ("mynetworks = 0.0.0.0/0\nsmtpd_recipient_restrictions = reject_unauth_destination, permit", False),
        ("mynetworks = 0.0.0.0/0\nsmtpd_relay_restrictions = {{ x }}", None),
        ("mynetworks = {{ networks }}", None),
        ("mynetworks = $elsewhere", None),
        ("{% if lab %}\nmynetworks = 0.0.0.0/0\n{% endif %}", None),
        ("mydestination = localhost", None),
    ],
)
def test_open_relay(text: str, expected: bool | None) -> None:
    assert offends(text, "open_relay") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = no", True),
        ("smtpd_sasl_auth_enable = yes", None),  # master.cf may want TLS of each service
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_security_level = encrypt", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noanonymous, noplaintext", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = {{ x }}", None),
        ("smtpd_sasl_auth_enable = no", None),
    ],
)
def test_authentication_without_tls(text: str, expected: bool | None) -> None:
    assert offends(text, "auth_without_tls") is expected


def test_a_service_of_master_leaves_the_rest_to_main() -> None:
    line = "submission inet n - y - - smtpd -o smtpd_sasl_auth_enable=yes"
    assert read(line, "master.cf")[1] == [("postfix.auth_without_tls", Why.UNREADABLE, 1)]
    assert offends(f"{line} -o smtpd_tls_security_level=encrypt", "auth_without_tls", "master.cf") is False
    assert offends(f"{line} -o smtpd_tls_wrappermode=yes", "auth_without_tls", "master.cf") is False
    weak = f"{line} -o smtpd_tls_security_level=may -o smtpd_tls_auth_only=no"
    assert offends(weak, "auth_without_tls", "master.cf") is True
    assert offends("25 inet n - y - - smtpd -o mynetworks=0.0.0.0/0", "open_relay", "master.cf") is True


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ("smtp_tls_security_level = none", "outbound_cleartext", True),
        ("smtp_tls_security_level = may", "outbound_cleartext", False),
        ("smtp_use_tls = no", "outbound_cleartext", True),
        ("smtp_use_tls = no\nsmtp_tls_security_level = may", "outbound_cleartext", False),
        ("smtp_tls_mandatory_protocols = !SSLv2, !SSLv3", "outbound_old_tls", True),
        ("smtp_tls_mandatory_protocols = >=TLSv1.2", "outbound_old_tls", False),
        ("smtp_tls_mandatory_protocols = TLSv1.3 TLSv1.2", "outbound_old_tls", False),
        ("smtpd_tls_ciphers = export", "weak_ciphers", True),
        ("smtpd_tls_ciphers = high", "weak_ciphers", False),
        ("tls_high_cipherlist = ECDHE-RSA-AES128-GCM-SHA256:DES-CBC3-SHA", "weak_ciphers", True),
        ("tls_high_cipherlist = ALL:!RC4:!aNULL:!DES:!3DES:+HIGH", "weak_ciphers", False),
        ("tls_medium_cipherlist = aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH", "weak_ciphers", False),  # Postfix's own
        ("disable_vrfy_command = no", "address_probing", True),
        ("disable_vrfy_command = yes", "address_probing", False),
        ("smtpd_banner = $myhostname $mail_version", "version_disclosed", True),
        ("smtpd_banner = $myhostname ESMTP", "version_disclosed", False),
    ],
)
def test_other_concerns(text: str, fact: str, expected: bool) -> None:
    assert offends(text, fact) is expected


TLS = "smtpd_tls_security_level = {level}\nsmtpd_tls_cert_file = /c.pem\nmyhostname = mx.ville.example\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("smtpd_tls_protocols = >=TLSv1.2", ["TLSv1.2", "TLSv1.3"]),
        ("smtpd_tls_protocols = !SSLv2, !SSLv3", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        ("smtpd_tls_protocols = !SSLv2 !SSLv3 !TLSv1 !TLSv1.1", ["TLSv1.2", "TLSv1.3"]),
        ("smtpd_tls_protocols = TLSv1.2", ["TLSv1.2"]),
        ("smtpd_tls_protocols = >=TLSv1, <=TLSv1.1", ["TLSv1", "TLSv1.1"]),
    ],
)
def test_versions_are_those_of_the_host_on_port_25(more: str, expected: list[str]) -> None:
    found = list(postfix.read("main.cf", TLS.format(level="may") + more))
    assert [(one.name, one.value, one.subject) for one in found if isinstance(one, Read)] == [
        ("tls.accepted", True, "mx.ville.example:25"),
        ("tls.opportunistic", True, "mx.ville.example:25"),
        ("tls.versions", expected, "mx.ville.example:25"),
    ]


def test_what_live_facts_need() -> None:
    facts, gaps = read(TLS.format(level="may"))
    assert (facts, gaps) == (
        {"tls.accepted": True, "tls.opportunistic": True},
        [("tls.versions", Why.NOT_ASKED, 1)],
    )
    facts, _gaps = read(TLS.format(level="encrypt") + "smtpd_tls_protocols = TLSv1")
    assert facts["tls.opportunistic"] is False
    assert "tls.versions" not in facts  # required TLS has its own list
    assert read(TLS.format(level="none"))[0] == {"tls.accepted": False}
    facts, gaps = read("smtpd_tls_security_level = may\nsmtpd_tls_protocols = TLSv1")
    assert (facts, [why for _name, why, _line in gaps]) == ({}, [Why.UNREADABLE])  # no certificate, no STARTTLS
    assert read(TLS.format(level="may") + "inet_interfaces = loopback-only") == ({}, [])


def test_only_these_files() -> None:
    assert postfix.matches("roles/mail/templates/main.cf.j2", b"")
    assert not postfix.matches("main.c", b"") and not postfix.matches("domain.cf", b"")


def test_values_that_grow_without_end_are_a_gap() -> None:
    text = "a0 = 10.0.0.1 \n" + "".join(f"a{n} = $a{n - 1} $a{n - 1}\n" for n in range(1, 40)) + "mynetworks = $a39\n"
    assert read(text)[1] == [("postfix.open_relay", Why.LIMIT, 41)]
    assert read("mynetworks = $mynetworks\n")[1] == [("postfix.open_relay", Why.LIMIT, 1)]


# ------------------------------------------------------------------------------------------------------------ live

MASTER = """{port} inet n - n - - smtpd
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
cleanup unix n - n - 0 cleanup
"""


@pytest.fixture
def running(tool: Tool) -> Iterator[Callable[[str], int]]:
    """Start Postfix with these lines of main.cf; its port."""
    program = tool("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix starts as root only")
    folder = Path(tempfile.mkdtemp(prefix="postfix"))
    folder.chmod(0o755)
    started: list[str] = []

    def start(lines: str) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        issued = trustme.CA().issue_cert("mx.ville.example")
        issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        issued.private_key_pem.write_to_path(folder / "key.pem")
        main = (
            f"compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\n"
            "mail_owner = postfix\nsetgid_group = postdrop\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
            f"mydestination = ville.example\nalias_maps =\nlocal_recipient_maps =\nmaillog_file_prefixes = {folder}\n"
            f"maillog_file = {folder}/log\nsmtpd_tls_key_file = {folder}/key.pem\n"
        )
        (folder / "etc" / "main.cf").write_text(main + lines.replace("/c.pem", f"{folder}/cert.pem"))
        (folder / "etc" / "master.cf").write_text(MASTER.format(port=f"127.0.0.1:{port}"))
        subprocess.run([program, "-c", str(folder / "etc"), "start"], check=True, capture_output=True, timeout=20)
        started.append("")
        return port

    try:
        yield start
        if started:
            subprocess.run([program, "-c", str(folder / "etc"), "stop"], check=True, capture_output=True, timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def relays(port: int) -> bool:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.helo("client.example")
        client.mail("a@ville.example")
        return client.rcpt("b@loin.example")[0] == 250


def taken(port: int) -> list[str]:
    """The versions of TLS that the server takes after STARTTLS."""
    found = []
    for word, version in (("TLSv1.2", ssl.TLSVersion.TLSv1_2), ("TLSv1.3", ssl.TLSVersion.TLSv1_3)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                client.starttls(context=context)
                found.append(word)
        except (ssl.SSLError, smtplib.SMTPException, ConnectionError):
            continue
    return found


def test_postfix_relays_and_encrypts_as_the_reader_says(running: Callable[[str], int]) -> None:
    lines = f"{TLS.format(level='may')}smtpd_tls_protocols = >=TLSv1.3\nmynetworks = 0.0.0.0/0\n"
    port = running(lines)
    assert relays(port) is offends(lines, "open_relay") is True
    assert taken(port) == read(lines)[0]["tls.versions"] == ["TLSv1.3"]


def test_trusted_networks_count_only_where_they_are_let_through(running: Callable[[str], int]) -> None:
    lines = "mynetworks = 0.0.0.0/0\nsmtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n"
    assert relays(running(lines)) is offends(lines, "open_relay") is False
