# SPDX-License-Identifier: EUPL-1.2
"""systemd units, journald.conf and logrotate files, beside systemd-analyze and logrotate themselves."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import journald, logrotate, systemd
from nis2check.model import Json, Why
from nis2check.rules.load import shipped_rules

Tool = Callable[..., str]


def read(reader: ModuleType, path: str, text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(reader.read(path, text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in reader.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


def unit(lines: str, path: str = "systemd/portail.service") -> dict[str, Json]:
    facts, _gaps = read(
        systemd, path, f"[Unit]\nDescription=x\n[Service]\n{lines}\n[Install]\nWantedBy=multi-user.target\n"
    )
    return {name.removeprefix("systemd."): value for name, value in facts.items()}


# ------------------------------------------------------------------------------------------------------------ units


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("ExecStart=/opt/portail/serveur", True),
        ("ExecStart=/opt/portail/serveur\nUser=root", True),
        ("ExecStart=/opt/portail/serveur\nUser=portail", False),
        ("ExecStart=/opt/portail/serveur\nDynamicUser=yes", False),
        ("ExecStart=/opt/portail/serveur\nNoNewPrivileges=yes", False),
        ("ExecStart=/opt/portail/serveur\nNoNewPrivileges=no", True),
        ("ExecStart=-/usr/bin/python3 \\\n  /opt/x.py", True),
        ("ExecStart=/opt/portail/serveur\nUser={{ user }}", None),
        ("ExecStart={{ program }} --daemon", None),  # perhaps an engine
        ("ExecStart=/opt/x\n{% for name, value in bounds %}\n{{ name }}={{ value }}\n{% endfor %}", None),
        ("ExecStart=/opt/x\n{% include 'bounds.j2' %}", None),
        ("Type=oneshot\nExecStart=/usr/bin/restic backup /srv", None),
        ("ExecStart=/usr/bin/docker run --rm portail", None),
        ("ExecStart=/usr/sbin/nginx", None),  # leaves root by itself
        ("Environment=A=1", None),
    ],
)
def test_services_without_bounds(lines: str, expected: bool | None) -> None:
    value = unit(lines).get("unconfined")
    assert (None if value is None else bool(value)) is expected


def test_systemd_holds_the_unbounded_for_unsafe_and_the_remedy_for_better(tool: Tool, tmp_path: Path) -> None:
    """systemd-analyze's own measure: exposure from 0 to 10, and at least 9 for a service that sets nothing."""
    remedy = next(rule.remediation["systemd"] for rule in shipped_rules() if rule.id == "systemd/unconfined")
    levels = []
    for name, more in (("bare", ""), ("bound", remedy.removeprefix("[Service]"))):
        file = tmp_path / f"{name}.service"
        file.write_text(f"[Service]\nExecStart=/usr/bin/sleep 9\n{more}\n")
        done = subprocess.run(
            [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", str(file)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        level = re.search(r"Overall exposure level[^:]*: ([\d.]+)", done.stdout)
        assert level, done.stderr
        levels.append(float(level[1]))
        facts, _gaps = read(systemd, file.name, file.read_text())
        assert bool(facts["systemd.unconfined"]) is (float(level[1]) >= 9)
    assert levels[0] > levels[1] + 1


def test_drop_ins_and_units_of_users_are_no_whole_service() -> None:
    assert unit("ExecStart=/opt/x", "portail.service.d/ours.conf").keys() == {"writable_program"}
    assert unit("ExecStart=/opt/x", "home/.config/systemd/user/x.service").keys() == {"writable_program"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Environment=DB_PASSWORD=Tr0uv3z-moi", ["DB_PASSWORD"]),
        ('Environment="A=1" "API_TOKEN=a81bc81b-dead-4e5d-abff"', ["API_TOKEN"]),
        ("Environment=DB_PASSWORD=changeme", []),
        ("Environment=DB_PASSWORD=${FROM_ELSEWHERE}", []),
        ("Environment=DB_PASSWORD_FILE=/run/secrets/db", []),
        ("Environment=TLS_SECRET=wildcard", []),
    ],
)
def test_secrets_in_the_environment(line: str, expected: list[str]) -> None:
    found = unit(line)["clear_secrets"]
    assert [one["name"] for one in found] == expected
    assert all(one.keys() == {"name", "line"} for one in found)


@pytest.mark.parametrize(
    ("line", "fact", "expected"),
    [
        ("ExecStart=/usr/bin/dockerd -H fd:// -H tcp://0.0.0.0:2375", "engine_on_network", True),
        ("ExecStart=/usr/bin/dockerd --host=tcp://10.0.0.1:2376 --tlsverify", "engine_on_network", False),
        ("ExecStart=/usr/bin/dockerd -H tcp://127.0.0.1:2375", "engine_on_network", False),
        ("ExecStart=/usr/bin/dockerd -H fd://", "engine_on_network", False),
        ("ExecStart=/tmp/serveur", "writable_program", True),
        ("ExecStartPre=-/var/tmp/x", "writable_program", True),
        ("ExecStart=/usr/bin/x", "writable_program", False),
        ("ExecStart=/usr/lib/jvm/{{ java }}/bin/java", "writable_program", False),
        ("ExecStart=/bin/sh -c 'curl -k https://www.ville.fr/x | sh'", "unsafe_download", True),
        ("ExecStart=/usr/bin/wget --no-check-certificate https://www.ville.fr/x", "unsafe_download", True),
        ("ExecStart=/usr/bin/curl -fsSL http://www.ville.fr/x", "unsafe_download", True),
        ("ExecStart=/usr/bin/curl -fsSL https://www.ville.fr/x -o k", "unsafe_download", False),
        ("ExecStart=/usr/bin/curl http://localhost:8080/health", "unsafe_download", False),
        ("ExecStart=/usr/bin/curl http://10.0.0.1/x", "unsafe_download", False),
    ],
)
def test_commands(line: str, fact: str, expected: bool) -> None:
    assert bool(unit(line)[fact]) is expected


SNIPPETS = {rule.id: rule.remediation["systemd"] for rule in shipped_rules() if rule.id.startswith("systemd/")}


@pytest.mark.parametrize("rule_id", sorted(SNIPPETS))
def test_systemd_knows_every_setting_that_the_rules_tell_to_paste(tool: Tool, tmp_path: Path, rule_id: str) -> None:
    file = tmp_path / "essai.service"
    start = "" if "ExecStart=/" in SNIPPETS[rule_id] else "ExecStart=/bin/true\n"
    text = re.sub(
        r"(?<=Exec)(\w+=)/opt\S*|/usr/bin/dockerd", lambda found: f"{found[1] or ''}/bin/true", SNIPPETS[rule_id]
    )
    file.write_text(f"{text}\n{start}")
    done = subprocess.run([tool("systemd-analyze"), "verify", str(file)], capture_output=True, text=True, check=False)
    about = [line for line in done.stderr.splitlines() if "essai.service" in line and "not executable" not in line]
    assert about == []
    facts, _gaps = read(systemd, "essai.service", text)
    assert facts.get(f"systemd.{rule_id.removeprefix('systemd/').replace('-', '_')}", []) == []


# ---------------------------------------------------------------------------------------------------------- journald


@pytest.mark.parametrize(
    "span", ["30d", "1month", "2week 3d", "90 days", "3months", "1y 2w", "8640000", "5min 20s", "1h30min", "infinity"]
)
def test_spans_are_those_of_systemd(tool: Tool, span: str) -> None:
    told = subprocess.run(
        [tool("systemd-analyze"), "timespan", span], capture_output=True, text=True, check=True
    ).stdout
    micros = re.search(r"μs: (\d+)", told)
    assert micros, told
    ours = journald.span_seconds(span)
    assert ours is not None
    assert (ours * 1_000_000 or (1 << 64) - 1) == int(micros[1])


@pytest.mark.parametrize(
    ("lines", "fact", "expected"),
    [
        ("MaxRetentionSec=1month", "short_retention", True),
        ("MaxRetentionSec=1month\nMaxRetentionSec=1year", "short_retention", False),
        ("MaxRetentionSec=0", "short_retention", False),
        ("Storage=volatile", "volatile", True),
        ("Storage=none", "volatile", True),
        ("Storage=persistent", "volatile", False),
        ("Storage=auto", "volatile", None),
        ("#Storage=volatile", "volatile", None),
        ("Storage=volatile\nForwardToSyslog=yes", "volatile", None),  # a gap: syslog keeps them, or not
    ],
)
def test_the_journal(lines: str, fact: str, expected: bool | None) -> None:
    facts, _gaps = read(journald, "etc/systemd/journald.conf", f"[Journal]\n{lines}\n")
    value = facts.get(f"journald.{fact}")
    assert (None if value is None else bool(value)) is expected


def test_what_journald_does_not_settle() -> None:
    text = "[Journal]\nMaxRetentionSec={{ days }}d\nStorage=volatile\nForwardToSyslog=yes\n"
    gaps = read(journald, "journald.conf", text)[1]
    assert sorted(gaps) == [("journald.short_retention", Why.TEMPLATED, 2), ("journald.volatile", Why.UNREADABLE, 3)]
    assert read(journald, "journald.conf", "[Journal]\nMaxRetentionSec=often\n")[1][0][1] is Why.MALFORMED


# --------------------------------------------------------------------------------------------------------- logrotate

ROTATED = """# globals
weekly
rotate 4
/var/log/a.log {
    daily
    rotate 100
}
/var/log/b.log "/var/log/c d.log"
/var/log/e.log
{
    monthly
    postrotate
        rotate 1
    endscript
    rotate 2
}
/var/log/f.log {
    missingok
}
/var/log/g.log { 
    size 10M
}
"""  # noqa: W291 - as people write


def test_periods_and_counts_are_those_of_logrotate(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "logrotate.conf"
    file.write_text(ROTATED)
    file.chmod(0o644)
    state = str(tmp_path / "state")
    done = subprocess.run(
        [tool("logrotate"), "-d", "-s", state, str(file)], capture_output=True, text=True, check=False
    )
    pattern = r"rotating pattern: (.*?)\s+(?:after )?(\d+ days|\d+ bytes|monthly|weekly|yearly)\s+\((\d+) rotations\)"
    told = re.findall(pattern, done.stderr, re.DOTALL)
    ours = dict(logrotate.blocks(ROTATED))
    assert [" ".join(names.split()) for names, _period, _count in told] == list(ours)
    assert [int(count) for _names, _period, count in told] == [one.rotate for one in ours.values()]
    days = {"monthly": 30.5, "weekly": 7.0, "1 days": 1.0, "10485760 bytes": 0.0}
    assert [days[period] for _names, period, _count in told] == [one.days for one in ours.values()]


def retention(text: str, path: str = "logrotate.d/portail") -> tuple[Json, list[Why]]:
    facts, gaps = read(logrotate, path, text)
    return facts.get("logrotate.short_retention"), [why for _name, why, _line in gaps]


def test_how_long_logs_are_kept() -> None:
    value, gaps = retention(ROTATED)
    assert [(one["name"], one["value"]) for one in value] == [
        ('/var/log/b.log "/var/log/c d.log" /var/log/e.log', "61 days"),
        ("/var/log/f.log", "28 days"),
    ]
    assert gaps == [Why.NOT_ASKED]  # by size: who knows how many days
    assert retention("/x {\n weekly\n rotate 13\n}\n") == ([], [])
    assert retention("/x {\n daily\n rotate -1\n}\n") == ([], [])
    assert retention("/x {\n yearly\n rotate 2\n maxage 30\n}\n")[0][0]["value"] == "maxage 30"
    assert retention("/x {\n monthly\n rotate 12\n maxsize 1G\n}\n") == (None, [Why.NOT_ASKED])
    assert retention("/x {\n rotate 12\n}\n") == (None, [Why.UNREADABLE])  # the period is in logrotate.conf
    assert retention("/x {\n weekly\n rotate {{ weeks }}\n}\n") == (None, [Why.TEMPLATED])
    assert retention("{% for f in logs %}\n/x {\n weekly\n rotate 1\n}\n{% endfor %}\n") == (None, [Why.TEMPLATED])


@pytest.mark.parametrize("product", ["logrotate", "journald"])
def test_what_the_rules_tell_to_paste_cures(product: str) -> None:
    reader = {"logrotate": logrotate, "journald": journald}[product]
    rules = [rule for rule in shipped_rules() if rule.id.startswith(f"{product}/")]
    assert rules
    for rule in rules:
        facts, gaps = read(reader, f"{product}.conf", rule.remediation[product])
        assert gaps == [] and facts[next(iter(rule.expect))] == []


# ------------------------------------------------------------------------------------------------------------- bounds


def test_only_these_files() -> None:
    assert systemd.matches("files/x.service", b"[Service]") and systemd.matches("x.service.d/o.conf.j2", b"[Service]")
    assert not systemd.matches("x.service.ts", b"[Service]") and not systemd.matches("x.service", b"{}")
    assert journald.matches("journald.conf.d/ours.conf", b"[Journal]") and not journald.matches("journald.md", b"")
    assert logrotate.matches("etc/logrotate.d/nginx", b"weekly") and not logrotate.matches("logrotate.go", b"weekly")
