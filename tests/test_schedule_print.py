# SPDX-License-Identifier: EUPL-1.2
"""``schedule print``: each kind read by the tool that will read it, with paths that need quoting, and hostile ones refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import kubernetes_validate
import pytest
import yaml

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
Tool = Callable[[str], str]
ODD = 'Ville d\'Été 100% $HOME "x" ; & été'  # every mark that a shell, cron or systemd could take for its own
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of that name with a program that writes what it was given."""
    folder = tmp_path / ODD
    folder.mkdir()
    program = folder / "nis2check"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\nopen(sys.argv[0] + '.json', 'w').write(json.dumps(sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    return folder


@pytest.fixture
def made(inside: Command, tmp_path: Path) -> Callable[..., dict[str, bytes]]:
    """The files of a kind."""

    def run(kind: str, *more: str) -> dict[str, bytes]:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        done = inside("schedule", "print", "--for", kind, "--output", str(out), *more)
        assert done.returncode == 0, done.stderr.decode()
        return {path.name: path.read_bytes() for path in out.iterdir()}

    return run


Made = Callable[..., dict[str, bytes]]


# ------------------------------------------------------------------------------------------------------------ systemd


@pytest.mark.parametrize("more", [(), ("--user", "dsi"), ("--every", "daily"), ("--every", "monthly")])
def test_systemd_finds_nothing_to_say(tool: Tool, made: Made, odd: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    analyze = tool("systemd-analyze")
    # systemd looks whether the program is there: one that it could not name would be told.
    program = tmp_path / "Ville Été 100% ; &" / "nis2check"
    program.parent.mkdir()
    program.write_bytes((odd / "nis2check").read_bytes())
    program.chmod(0o755)
    files = made("systemd", "--folder", str(odd), "--program", str(program), *more)
    assert set(files) == {"nis2check.service", "nis2check.timer"}
    paths = [str(tmp_path / "out" / name) for name in files]
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *paths],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    calendar = next(line for line in files["nis2check.timer"].decode().splitlines() if line.startswith("OnCalendar="))
    subprocess.run([analyze, "calendar", calendar.removeprefix("OnCalendar=")], check=True, capture_output=True)


def test_systemd_would_tell_a_program_that_it_cannot_find(tool: Tool, made: Made, tmp_path: Path) -> None:
    made("systemd", "--folder", "/srv", "--program", "/absent/nis2check")
    command = [tool("systemd-analyze"), "verify", "--man=no", str(tmp_path / "out" / "nis2check.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode != 0 and "/absent/nis2check" in done.stderr


def test_the_unit_is_hardened_and_takes_a_gap_for_a_result(made: Made) -> None:
    unit = made("systemd", "--folder", "/srv/ville", "--program", "/usr/bin/nis2check")["nis2check.service"].decode()

    lines = set(unit.splitlines())
    assert {"DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet="} <= lines
    assert {"StateDirectory=nis2check", "SuccessExitStatus=1 3 4", "ProtectHome=read-only"} <= lines
    assert (
        "User=dsi"
        in made("systemd", "--folder", "/srv", "--program", "/n", "--user", "dsi")["nis2check.service"].decode()
    )


def test_systemd_sees_little_exposure(tool: Tool, made: Made, tmp_path: Path) -> None:
    """``systemd-analyze security`` from 0 (none) to 10; the units of most packages stand above 9."""
    made("systemd", "--folder", "/srv", "--program", "/bin/true")
    command = [
        tool("systemd-analyze"),
        "security",
        "--offline=true",
        "--threshold=25",
        str(tmp_path / "out" / "nis2check.service"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout[-500:] + done.stderr


# --------------------------------------------------------------------------------------------------------------- cron


def test_cron_gives_the_program_the_very_words(tool: Tool, made: Made, odd: Path, tmp_path: Path) -> None:
    tool("flock")
    text = made("cron", "--folder", str(odd), "--program", str(odd / "nis2check"))["nis2check.cron"].decode()
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    fields = line.split(" ", 5)
    assert fields[:5] == ["7", "3", "*", "*", "1"]
    # As cron does (crontab(5)): an unescaped % ends the command, an escaped one is a plain one.
    parts = fields[5].replace("\\%", "\0").split("%")
    assert len(parts) == 1
    quick = tmp_path / "bin"
    quick.mkdir()
    (quick / "sleep").write_text('#!/bin/sh\n[ "$1" -ge 0 ] && [ "$1" -le 10800 ]\n')
    (quick / "sleep").chmod(0o755)
    path = f"{quick}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", parts[0].replace("\0", "%")],
        cwd=tmp_path, env={"PATH": path, "HOME": "/elsewhere"}, capture_output=True, timeout=30, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads((odd / "nis2check.json").read_text()) == [
        "scan", "--save", "--quiet", "--config", f"{odd}/nis2check.yaml", "--output", f"html={odd}/nis2check-report.html",
    ]  # fmt: skip


def test_cron_takes_the_table(tool: Tool, made: Made, odd: Path, tmp_path: Path) -> None:
    """Debian's crontab reads a table before it installs it; here into a spool of its own, by a user who may not write."""
    crontab = tool("crontab")
    made("cron", "--folder", str(odd), "--program", str(odd / "nis2check"))
    done = subprocess.run(
        [crontab, "-n", str(tmp_path / "out" / "nis2check.cron")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )  # -n: dry run, the table is checked and not installed

    assert "errors in crontab" not in done.stderr and done.returncode == 0, done.stderr


# --------------------------------------------------------------------------------------------------------- Kubernetes


@pytest.mark.parametrize("every", ["daily", "weekly", "monthly"])
def test_kubernetes_knows_every_key(made: Made, every: str) -> None:
    text = made("k8s", "--every", every, "--image", "registry.exemple.fr/nis2check@sha256:" + "0" * 64)[
        "nis2check.k8s.yaml"
    ]
    documents = list(yaml.safe_load_all(text))

    assert [one["kind"] for one in documents] == ["PersistentVolumeClaim", "CronJob"]
    for one in documents:
        kubernetes_validate.validate(one, "1.30", strict=True)


def test_the_pod_is_of_the_restricted_standard(made: Made) -> None:
    """Pod Security Standards, "Restricted"."""
    cron = list(yaml.safe_load_all(made("k8s")["nis2check.k8s.yaml"]))[1]["spec"]
    pod = cron["jobTemplate"]["spec"]["template"]["spec"]

    assert cron["concurrencyPolicy"] == "Forbid"
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"] == {
        "type": "RuntimeDefault"
    }
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}


# ------------------------------------------------------------------------------------------------------------- GitLab


def test_gitlab_s_own_schema_takes_the_job(made: Made, tmp_path: Path) -> None:
    made("gitlab")
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
    ]
    path = tmp_path / "out" / "nis2check.gitlab-ci.yml"
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(path.read_text().replace("exit_codes: [1, 3]", "exit_codes: often"))
    assert subprocess.run([*command, str(path)], capture_output=True, timeout=60, check=False).returncode == 1


# ------------------------------------------------------------------------------------------------------------ Windows

WINDOWS = ("--folder", "C:\\Collectivité d'Été & Fils\\nis2", "--program", "C:\\Program Files\\nis2check.exe")


@pytest.mark.parametrize(("every", "element"), [("daily", "Day"), ("weekly", "Week"), ("monthly", "Month")])
def test_windows_reads_what_it_would_export(tool: Tool, made: Made, tmp_path: Path, every: str, element: str) -> None:
    data = made("windows", "--every", every, *WINDOWS)["nis2check.xml"]
    assert data.startswith(b"\xff\xfe") and b"\r\x00\n\x00" in data  # UTF-16 with its mark: what schtasks /XML takes
    subprocess.run([tool("xmllint"), "--noout", str(tmp_path / "out" / "nis2check.xml")], check=True, timeout=30)
    task = ElementTree.fromstring(data.decode("utf-16"))

    assert task.find(f".//{TASK}ScheduleBy{element}") is not None
    assert task.findtext(f".//{TASK}Command") == "C:\\Program Files\\nis2check.exe"
    assert task.findtext(f".//{TASK}WorkingDirectory") == WINDOWS[1]
    arguments = str(task.findtext(f".//{TASK}Arguments"))
    assert f'--config "{WINDOWS[1]}\\nis2check.yaml"' in arguments
    assert task.findtext(f".//{TASK}MultipleInstancesPolicy") == "IgnoreNew"
    # The order that the schema asks (MS-TSCH 2.5.4: a sequence).
    names = [child.tag.removeprefix(TASK) for child in task]
    assert names == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    trigger = [child.tag.removeprefix(TASK) for child in task.iter(f"{TASK}CalendarTrigger").__next__()]
    assert trigger == ["Enabled", "StartBoundary", "RandomDelay", f"ScheduleBy{element}"]


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "systemd", "--folder", "/a\nExecStartPre=/bin/sh"], "--folder"),
        (["--for", "systemd", "--folder", "/a\\"], "--folder"),
        (["--for", "systemd", "--folder", "/a\u202e"], "--folder"),
        (["--for", "systemd", "--folder", "relatif"], "absolu"),
        (["--for", "systemd", "--folder", "/a", "--program", "/b$c"], "--program"),
        (["--for", "systemd", "--folder", "/a", "--program", "/b'c"], "--program"),
        (["--for", "systemd", "--folder", "/a", "--user", "dsi\nUser=root"], "--user"),
        (["--for", "systemd", "--folder", "/a", "--name", "a%b"], "--name"),
        (["--for", "cron", "--folder", "/a\n* * * * * rm"], "--folder"),
        (["--for", "cron", "--folder", "/" + "a" * 900], "trop longs"),
        (["--for", "cron", "--folder", "/a", "--user", "dsi"], "--user"),
        (["--for", "windows", "--folder", "C:\\a%PATH%", "--program", "C:\\n"], "--folder"),
        (["--for", "windows", "--folder", 'C:\\a"b', "--program", "C:\\n"], "--folder"),
        (["--for", "windows", "--folder", "/srv", "--program", "C:\\n"], "absolu"),
        (["--for", "k8s", "--name", "a: b"], "--name"),
        (["--for", "k8s", "--image", "a\nb: c"], "--image"),
        (["--for", "gitlab", "--image", 'a"'], "--image"),
        (["--for", "launchd"], "launchd"),
        ([], "--for"),
    ],
)
def test_what_no_syntax_can_say_is_refused(inside: Command, arguments: list[str], said: str) -> None:
    done = inside("schedule", "print", *arguments)

    assert done.returncode == 2 and done.stdout == b""
    assert said in done.stderr.decode() and len(done.stderr.splitlines()) == 1


def test_without_output_it_is_printed(inside: Command) -> None:
    done = inside("schedule", "print", "--for", "systemd", "--folder", "/srv", "--program", "/usr/bin/nis2check")

    assert done.returncode == 0 and done.stderr == b""
    assert done.stdout.count(b"[Unit]") == 2 and b"[Timer]" in done.stdout


def test_a_folder_that_cannot_be_written_is_74(inside: Command) -> None:
    assert inside("schedule", "print", "--for", "k8s", "--output", "/absent/folder").returncode == 74
