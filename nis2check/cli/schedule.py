# SPDX-License-Identifier: EUPL-1.2
"""``nis2check schedule print --for KIND``: what makes a scan come back by itself. Nothing is installed.

Rule for this file: each syntax has its own way to quote, and its own words that no quoting saves; a path that holds one of
these is refused, never bent.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import click

from nis2check.cli.exits import Exit
from nis2check.errors import InputError
from nis2check.language import _, say
from nis2check.printing import Medium, clean

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST_CRON = 998  # characters of one command (crontab(5), Vixie)
_IMAGE = "registry.example/nis2check:VERSION"  # none is published: the body's own

# How often: systemd.time(7), crontab(5), and an element of the task schema of Windows.
EVERY: Mapping[str, tuple[str, str, str]] = {
    "daily": (
        "*-*-* 03:00:00",
        "7 3 * * *",
        "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>",
    ),
    "weekly": (
        "Mon *-*-* 03:00:00",
        "7 3 * * 1",
        "<ScheduleByWeek><DaysOfWeek><Monday /></DaysOfWeek><WeeksInterval>1</WeeksInterval></ScheduleByWeek>",
    ),
    "monthly": (
        "*-*-01 03:00:00",
        "7 3 1 * *",
        "<ScheduleByMonth><DaysOfMonth><Day>1</Day></DaysOfMonth><Months>"
        + "".join(
            f"<{month} />" for month in ("January", "February", "March", "April", "May", "June", "July", "August")
        )
        + "<September /><October /><November /><December /></Months></ScheduleByMonth>",
    ),
}


@dataclass(frozen=True, slots=True)
class Job:
    """What comes back: paths are absolute and hold nothing that their syntax cannot say."""

    name: str
    folder: str  # of the body
    config: str
    program: str
    user: str
    image: str
    every: str

    def scan(self, *more: str) -> list[str]:
        return [self.program, "scan", "--save", "--quiet", *more]


Files = dict[str, str]  # name of a file → its text


@click.group("schedule", help=say(_("Préparer des analyses régulières.")))
def command() -> None:
    pass


@command.command(
    "print", help=say(_("Écrire ce qui relance l'analyse par systemd, cron, Kubernetes, GitLab ou Windows."))
)
@click.option("--for", "kind", required=True, type=click.Choice(["systemd", "cron", "k8s", "gitlab", "windows"]))
@click.option("--every", type=click.Choice(list(EVERY)), default="weekly", help=_("À quel rythme (weekly par défaut)."))
@click.option("--folder", metavar="PATH", help=_("Le dossier de nis2check.yaml (le dossier courant par défaut)."))
@click.option("--program", metavar="PATH", help=_("Où est nis2check sur la machine visée (ici par défaut)."))
@click.option("--user", default="", metavar="NAME", help=_("Le compte qui analyse (systemd, windows)."))
@click.option("--name", default="nis2check", metavar="NAME", help=_("Le nom de la tâche (nis2check par défaut)."))
@click.option("--image", default=_IMAGE, metavar="IMAGE", help=_("L'image de conteneur (k8s, gitlab)."))
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FOLDER", help=_("Écrire les fichiers dans ce dossier.")
)
def print_(
    kind: str,
    every: str,
    folder: str | None,
    program: str | None,
    user: str,
    name: str,
    image: str,
    output: Path | None,
) -> int:
    from nis2check.files import write_aside, write_stdout

    job = _job(kind, folder or str(Path.cwd()), program or _here(), user=user, name=name, image=image, every=every)
    made = MAKERS[kind](job)
    if output is None:
        write_stdout("\n".join(made.values()).encode())
        return Exit.OK
    for file, text in made.items():
        write_aside(output / file, _encoded(text, file))
        click.echo(f"nis2check: {say(_('Écrit : {path}').format(path=clean(output / file, Medium.LOG)))}", err=True)
    return Exit.OK


def _encoded(text: str, file: str) -> bytes:
    """schtasks reads a task in UTF-16 with its mark, as it exports one; everything else is UTF-8."""
    if file.endswith(".xml"):
        return ('<?xml version="1.0" encoding="UTF-16"?>\n' + text).replace("\n", "\r\n").encode("utf-16")
    return text.encode()


def _here() -> str:
    """Where this very command lies."""
    started = Path(sys.argv[0])
    found = shutil.which("nis2check") if started.name != "nis2check" else str(started)
    return os.path.abspath(found or "/usr/local/bin/nis2check")  # noqa: PTH100 - a link is kept: it outlives an upgrade


# --------------------------------------------------------------------------------------------------------- what is taken

_NAME = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"  # an RFC 1123 label, short enough for the names made of it
_USER = {"systemd": r"[a-z_][a-z0-9_-]{0,30}", "windows": r"[\w.$ @-]{1,60}(\\[\w.$ @-]{1,60})?"}
_REFERENCE = r"[a-zA-Z0-9][a-zA-Z0-9._/:@-]{0,254}"  # of an image


def _job(kind: str, folder: str, program: str, *, user: str, name: str, image: str, every: str) -> Job:
    """Raises InputError: what no syntax of this kind can say."""
    words = (
        ("--name", name, _NAME),
        ("--image", image, _REFERENCE),
        ("--user", user, _USER.get(kind, "") if user else ""),
    )
    for option, value, pattern in words:
        if not re.fullmatch(pattern, value):
            shown = clean(value, Medium.LOG, longest=60)
            raise InputError(_("{option} : valeur impossible ici : « {value} ».").format(option=option, value=shown))
    pure: type[PurePath] = PureWindowsPath if kind == "windows" else PurePosixPath
    for option, path in (("--folder", folder), ("--program", program)):
        _check_path(kind, option, path, pure)
    return Job(name, folder, str(pure(folder) / "nis2check.yaml"), program, user, image, every)


def _check_path(kind: str, option: str, path: str, pure: type[PurePath]) -> None:
    # A line break, a control or an invisible mark ends a line or hides one; a backslash ends one in a unit, and escapes in a
    # crontab; Windows expands %NAME% and $(Arg0) in a task and quotes with ".
    never = {"windows": ('"', "%", "$(", "<", ">", "|"), "cron": ("\\",), "systemd": ("\\",)}.get(kind, ())
    if kind in {"k8s", "gitlab"}:
        return  # paths of the container, not of this machine
    if not path.isprintable() or path != path.strip() or any(mark in path for mark in never):
        shown = clean(path, Medium.LOG, longest=100)
        what = _("{option} : ce chemin ne peut pas s'écrire ici : « {path} ».").format(option=option, path=shown)
        raise InputError(
            what, advice=_("Choisir un chemin sans guillemet, barre oblique inverse ni caractère de contrôle.")
        )
    if not pure(path).is_absolute():
        what = _("{option} : donner un chemin absolu de la machine visée : « {path} ».")
        raise InputError(what.format(option=option, path=clean(path, Medium.LOG, longest=100)))


# --------------------------------------------------------------------------------------------------------------- makers


def _systemd(job: Job) -> Files:
    # systemd takes no quote in the name of a program, and expands no $ there, so that none can be escaped either.
    if any(mark in job.program for mark in "$\"'"):
        raise InputError(_("--program : systemd refuse un chemin qui contient un guillemet, une apostrophe ou « $ »."))
    calendar = EVERY[job.every][0]
    return {
        f"{job.name}.service": _filled("nis2check.service.j2", job),
        f"{job.name}.timer": _filled("nis2check.timer.j2", job, calendar=calendar),
    }


def _cron(job: Job) -> Files:
    """Standard output goes nowhere, so that cron mails what is said on standard error only."""
    report = str(PurePosixPath(job.folder) / "nis2check-report.html")
    scan = shlex.join(job.scan("--config", job.config, "--output", f"html={report}"))
    line = f'sleep "$(shuf -i 0-10800 -n 1)" && flock -n {shlex.quote(job.folder)} {scan} >/dev/null'
    line = line.replace("%", "\\%")  # a bare one is a line break to cron, even between quotes
    if len(line) > LONGEST_CRON:
        raise InputError(_("Chemins trop longs pour une ligne de crontab ({n} caractères).").format(n=LONGEST_CRON))
    return {f"{job.name}.cron": _filled("nis2check.cron.j2", job, moment=EVERY[job.every][1], cron=line)}


def _kubernetes(job: Job) -> Files:
    return {f"{job.name}.k8s.yaml": _filled("nis2check.k8s.yaml.j2", job, moment=EVERY[job.every][1])}


def _gitlab(job: Job) -> Files:
    outputs = ("--output", "html=nis2check-report.html", "--output", "json=nis2check-result.json")
    line = shlex.join(["nis2check", *job.scan("--history", ".nis2check/history.sqlite", *outputs)[1:]])
    moment = EVERY[job.every][1]
    return {f"{job.name}.gitlab-ci.yml": _filled("nis2check.gitlab-ci.yml.j2", job, moment=moment, command=line)}


def _windows(job: Job) -> Files:
    data = PureWindowsPath("C:/ProgramData") / job.name  # where the account of services may write
    more = (
        "--config",
        job.config,
        "--history",
        str(data / "history.sqlite"),
        "--output",
        f"html={data / 'report.html'}",
    )
    line = " ".join(
        f'"{word}"' if " " in word else word for word in job.scan(*more)[1:]
    )  # none holds a quote, nor ends with \\
    return {f"{job.name}.xml": _filled("nis2check.task.xml.j2", job, calendar=EVERY[job.every][2], command=line)}


MAKERS: Mapping[str, Callable[[Job], Files]] = {
    "systemd": _systemd,
    "cron": _cron,
    "k8s": _kubernetes,
    "gitlab": _gitlab,
    "windows": _windows,
}


def _filled(template: str, job: Job, **more: str) -> str:
    text: str = _environment().get_template(template).render(job=job, exec_start=_exec_start, **more)
    return text


def _environment() -> Environment:
    import json
    from xml.sax.saxutils import escape

    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # No autoescape: nothing here is HTML; every foreign value passes a filter of its syntax or a check above.
    made = Environment(  # noqa: S701 - the same
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["_"] = _
    made.filters |= {"json": lambda value: json.dumps(value, ensure_ascii=False), "xml": escape}
    return made


def _exec_start(job: Job, *more: str) -> str:
    """One command line of a unit (systemd.service(5), "Command lines"); ``%S`` in ours is the folder of states."""
    return " ".join(_word(one) for one in job.scan("--config", job.config)) + "".join(f' "{one}"' for one in more)


def _word(text: str) -> str:
    """A word in which nothing is expanded: neither specifiers (%) nor variables ($)."""
    escaped = text.replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
