# SPDX-License-Identifier: EUPL-1.2
"""sshd_config files, beside what sshd -T makes of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import openssh
from nis2check.model import Json, Why
from nis2check.rules.load import shipped_rules

Tool = Callable[..., str]


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(openssh.read("sshd_config", text))
    facts = {one.name.removeprefix("openssh."): one.value for one in found if isinstance(one, Read)}
    assert {f"openssh.{name}" for name in facts} <= {spec.name for spec in openssh.FACTS}
    return facts, [(one.name.removeprefix("openssh."), one.why, one.line) for one in found if isinstance(one, Unread)]


@pytest.fixture(scope="module")
def sshd(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """What ``sshd -T`` prints for a text, by name; ``who`` as its -C."""
    program = tool("sshd")
    separation = Path("/run/sshd")  # what the service makes at its start
    if not separation.exists():
        if os.geteuid() != 0:
            pytest.skip("sshd was never started here, and only root can make its folder")
        separation.mkdir(mode=0o755)
    folder = tmp_path_factory.mktemp("sshd")
    key = folder / "key"
    subprocess.run([tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    def told(text: str, who: str = "") -> dict[str, str]:
        file = folder / "sshd_config"
        file.write_text(text)
        command = [program, "-T", "-f", str(file), "-h", str(key), *(["-C", who] if who else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)

    return told


TEXTS = [
    "PermitRootLogin yes\nPermitRootLogin no\nX11Forwarding=yes\n  maxauthtries   9\n",
    'LogLevel "ERROR"\n# LogLevel INFO\nPasswordAuthentication yes # said twice\nPasswordAuthentication no\n',
    "Ciphers aes128-cbc,aes256-ctr\nMACs hmac-sha1\nKexAlgorithms diffie-hellman-group14-sha1\nGatewayPorts clientspecified\n",
    "\tPermitTunnel\tyes\nStrictModes no\nIgnoreRhosts no\nPermitUserEnvironment yes\nPERMITEMPTYPASSWORDS yes\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_values_are_those_of_sshd(sshd: Callable[..., dict[str, str]], text: str) -> None:
    told = sshd(text)
    ours = {option.setting.name.lower(): option.setting.value.lower() for option in openssh.options(text)}
    assert ours
    assert ours == {name: told[name].lower() for name in ours}


def test_the_lists_that_sshd_itself_offers_are_not_weak_ciphers_or_exchanges(
    sshd: Callable[..., dict[str, str]],
) -> None:
    told = sshd("Port 22\n")
    facts, _gaps = read(f"Ciphers {told['ciphers']}\nKexAlgorithms {told['kexalgorithms']}\n")
    assert facts == {"weak_ciphers": [], "weak_key_exchange": []}


MATCH = "PermitRootLogin no\nMatch User sauvegarde\n  PermitRootLogin yes\n  X11Forwarding yes\nMatch all\n  X11Forwarding no\n"


def test_a_match_block_wins_for_whom_it_matches(sshd: Callable[..., dict[str, str]]) -> None:
    assert sshd(MATCH, "user=sauvegarde,host=h,addr=192.0.2.1")["permitrootlogin"] == "yes"
    assert sshd(MATCH, "user=marie,host=h,addr=192.0.2.1")["permitrootlogin"] == "no"
    facts, gaps = read(MATCH)
    assert gaps == []
    assert facts["root_login"] == [{"name": "PermitRootLogin (Match User sauvegarde)", "line": 3, "value": "yes"}]
    assert [one["line"] for one in facts["x11_forwarding"]] == [4]


def test_what_an_include_says_first_wins(sshd: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    (tmp_path / "10-ours.conf").write_text("PermitRootLogin no\n")
    text = f"LogLevel QUIET\nInclude {tmp_path}/*.conf\nPermitRootLogin yes\n"
    assert sshd(text)["permitrootlogin"] == "no"
    facts, gaps = read(text)
    assert facts == {"log_level": [{"name": "LogLevel", "line": 1, "value": "QUIET"}]}
    assert gaps == [("root_login", Why.UNREADABLE, 3)]


@pytest.mark.parametrize(
    ("line", "fact", "offends"),
    [
        ("PermitRootLogin prohibit-password", "root_login", False),
        ("PermitRootLogin forced-commands-only", "root_login", False),
        ("PasswordAuthentication no", "password_authentication", False),
        ("Ciphers +3des-cbc", "weak_ciphers", True),
        ("Ciphers -3des-cbc", "weak_ciphers", False),
        ("Ciphers aes128-gcm@openssh.com,aes128-ctr", "weak_ciphers", False),
        ("MACs hmac-sha2-256,umac-64-etm@openssh.com", "weak_macs", True),
        ("MACs hmac-sha2-512-etm@openssh.com,umac-128@openssh.com", "weak_macs", False),
        ("KexAlgorithms ^diffie-hellman-group-exchange-sha1", "weak_key_exchange", True),
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com,diffie-hellman-group-exchange-sha256", "weak_key_exchange", False),
        ("HostKeyAlgorithms ssh-ed25519,rsa-sha2-512", "weak_host_keys", False),
        ("PubkeyAcceptedKeyTypes +ssh-rsa", "weak_host_keys", True),
        ("Protocol 2,1", "protocol_1", True),
        ("Protocol 2", "protocol_1", False),
        ("MaxAuthTries 6", "attempts", False),
        ("MaxAuthTries 7", "attempts", True),
        ("LoginGraceTime 0", "attempts", True),
        ("LoginGraceTime 2m", "attempts", False),
        ("LogLevel VERBOSE", "log_level", False),
        ("HostbasedAuthentication yes", "lax_checks", True),
        ("PermitTunnel no", "forwarding", False),
    ],
)  # fmt: skip
def test_each_concern(line: str, fact: str, offends: bool) -> None:
    facts, gaps = read(f"# a file\n{line}\n")
    assert gaps == []
    assert bool(facts.pop(fact)) is offends and facts == {}


@pytest.mark.parametrize(
    "text",
    [
        "PermitRootLogin {{ root }}\n",
        "PermitRootLogin ${ROOT_LOGIN}\n",
        "PermitRootLogin <%= root %>\n",
        "{% if lab %}\nPermitRootLogin yes\n{% else %}\nPermitRootLogin no\n{% endif %}\n",
        "{{- if .Values.lab }}\nPermitRootLogin yes\n{{- end }}\nPermitRootLogin no\n",
    ],
)
def test_templates_are_gaps(text: str) -> None:
    facts, gaps = read(text)
    assert facts == {}
    assert [(name, why) for name, why, _line in gaps] == [("root_login", Why.TEMPLATED)]


def test_what_a_template_leaves_alone_is_read() -> None:
    included = read("{% include 'first.j2' %}\nX11Forwarding yes\n")
    assert included == ({}, [("x11_forwarding", Why.UNREADABLE, 2)])
    facts, gaps = read(
        "Port {{ port }}\nX11Forwarding yes\n{% for u in users %}\nDenyUsers {{ u }}\n{% endfor %}\nLogLevel INFO\n"
    )
    assert gaps == [] and bool(facts["x11_forwarding"]) and facts["log_level"] == []


def test_only_these_files() -> None:
    for path in ("etc/ssh/sshd_config", "roles/ssh/templates/sshd_config.j2", "sshd_config.d/50-ours.conf"):
        assert openssh.matches(path, b"")
    assert openssh.matches("etc/ssh/ssh_config", b"") and openssh.matches("home/.ssh/config", b"")
    assert not openssh.matches("nossh_config.md", b"") and not openssh.matches("sshd_config.md", b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("StrictHostKeyChecking no\n", [1]),
        ("Host *\n  StrictHostKeyChecking accept-new\n", []),
        ("Host srv1.ville.fr\n  StrictHostKeyChecking off\n  UserKnownHostsFile /dev/null\n", [2, 3]),
        ("Host localhost 127.0.0.1\n  StrictHostKeyChecking no\n", []),
        ("Host prod\n  StrictHostKeyChecking no\n", [2]),
        ("Host *.ville.fr\n  UserKnownHostsFile ~/.ssh/ours\n", []),
        ("StrictHostKeyChecking yes\nStrictHostKeyChecking no\n", []),
    ],
)
def test_the_client_checks_the_keys_of_far_hosts(text: str, expected: list[int]) -> None:
    found = [one for one in openssh.read("etc/ssh/ssh_config", text) if isinstance(one, Read)]
    assert [(one.name, [each["line"] for each in one.value]) for one in found] == [
        ("openssh.host_keys_unchecked", expected)
    ]


def test_the_client_reads_what_ssh_reads(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "ssh_config"
    file.write_text("Host srv1\n  StrictHostKeyChecking no\nHost *\n  StrictHostKeyChecking yes\nPort 22\n")
    for host, value in (("srv1", "false"), ("srv2", "true")):
        done = subprocess.run([tool("ssh"), "-G", "-F", str(file), host], capture_output=True, text=True, check=True)
        assert f"stricthostkeychecking {value}" in done.stdout


def test_long_lines_and_many_lines_are_gaps() -> None:
    assert read("Port 22\n" * 60_000) == ({}, [("*", Why.LIMIT, 50_001)])
    assert read("Ciphers " + "a" * 2_000_000)[1] == [("*", Why.LIMIT, 1)]


SNIPPETS = {rule.id: rule.remediation["openssh"] for rule in shipped_rules() if rule.id.startswith("openssh/")}


@pytest.mark.parametrize("rule_id", sorted(SNIPPETS))
def test_sshd_accepts_what_the_rules_tell_to_paste_and_it_cures(
    sshd: Callable[..., dict[str, str]], rule_id: str
) -> None:
    if rule_id not in {"openssh/protocol-1", "openssh/host-keys-unchecked"}:  # a word of old; and the client's
        sshd(SNIPPETS[rule_id] + "\n")
    found = list(openssh.read("ssh_config" if "host-keys-unchecked" in rule_id else "sshd_config", SNIPPETS[rule_id]))
    facts = {one.name.removeprefix("openssh."): one.value for one in found if isinstance(one, Read)}
    assert len(facts) == len({one.name for one in found}) and set(map(bool, facts.values())) == {False}
    assert rule_id.removeprefix("openssh/").replace("-", "_") in facts
