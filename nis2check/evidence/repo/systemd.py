# SPDX-License-Identifier: EUPL-1.2
"""Reads systemd services and their drop-ins: rights without bounds, secrets, downloads, an engine on the network.

systemd.syntax(7): sections, a final backslash continues, a repeated key adds up and an empty value clears it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from nis2check.evidence.repo.commands import downloads, is_secret_in_clear, unsafe_download
from nis2check.evidence.repo.concerns import (
    Concerns,
    Found,
    Setting,
    array_fact,
    conditional_lines,
    is_filled_in,
    long_line,
    numbered,
)

NAME = "systemd"
FACTS = (
    array_fact("systemd.unconfined", "Lasting services that run as root with none of the bounds of systemd.exec(5)."),
    array_fact("systemd.clear_secrets", "Secrets written in Environment=, which any user of the machine can read."),
    array_fact("systemd.engine_on_network", "Docker engines that listen on TCP without asking for a certificate."),
    array_fact("systemd.writable_program", "Services whose program lies in a folder that anybody may write."),
    array_fact("systemd.unsafe_download", "Commands that download without checking who answers."),
)

_BY_NAME = re.compile(r"\.service(?:\.d/[^/]+\.conf)?(?:\.(?:j2|jinja2?|erb|epp|template|tmpl|in))?\Z")
_USER_UNIT = re.compile(r"(?:^|/)(?:\.config/systemd/|systemd/user/|user/)")
_INCLUDES = re.compile(r"\{%[-+]?\s*(?:include|import|extends)\b|\{\{[-\s]*(?:include|template)\b")
# Programs that hand the work to others: what they start has bounds, or not, of its own.
_ENGINES = re.compile(
    r"(?:^|/)(?:docker|dockerd|docker-compose|podman|podman-compose|containerd|crio|lxd|kubelet|k3s|nomad|lxc-start|nerdctl|flatpak|snap)\Z"
)
# Daemons that give up root by themselves once their ports are open, whatever the unit says.
_SEPARATES = re.compile(
    r"(?:^|/)(?:sshd|nginx|httpd|apache2|apachectl|named|unbound|nsd|postmulti|postfix|master|dovecot|haproxy|chronyd|ntpd|rsyslogd|"
    r"cron|crond|squid|exim4?|vsftpd|proftpd|slapd|openvpn|atd|snmpd|tincd|php-fpm[\d.]*|mysqld_safe|keepalived)\Z"
)
_OPEN_TO_ALL = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108 - read, not used
_TCP = re.compile(r"(?:-H[ =]?|--host[ =])[\"']?tcp://(?!127\.|localhost|\[::1\])")

# systemd.exec(5), "Security", "Sandboxing", "Capabilities", "System call filtering": one is enough to have thought of it.
_BOUNDS = {
    "capabilityboundingset",
    "dynamicuser",
    "inaccessiblepaths",
    "nonewprivileges",
    "privatedevices",
    "privatenetwork",
    "privatetmp",
    "privateusers",
    "protectclock",
    "protectcontrolgroups",
    "protecthome",
    "protectkernelmodules",
    "protectkerneltunables",
    "protectsystem",
    "readonlypaths",
    "restrictaddressfamilies",
    "restrictnamespaces",
    "rootdirectory",
    "rootimage",
    "systemcallfilter",
}


def matches(path: str, head: bytes) -> bool:
    """*.service and *.service.d/*.conf that have a [Service] section, and templates of them."""
    return _BY_NAME.search(path) is not None and (not head or b"[Service]" in head)


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    yield from long_line(NAME, text)
    service = [setting for section, setting in settings(text) if section == "Service"]
    concerns = Concerns()
    commands = [one for one in service if one.name.startswith("Exec") and one.value]
    _environment(concerns, service)
    _commands(concerns, commands)
    if ".service.d/" not in path and not _USER_UNIT.search(path) and not _INCLUDES.search(text):
        _bounds(concerns, service)
    yield from concerns.found()


def settings(text: str) -> Iterator[tuple[str, Setting]]:
    """Section and setting, in order; continued lines are one, at the line of the first."""
    unsettled = conditional_lines(text)
    section, start, pieces = "", 0, ""
    for number, raw in numbered(text):
        line = raw.strip()
        if line.startswith(("#", ";")):
            continue  # also between a line and its continuation
        start = start if pieces else number
        pieces += line.removesuffix("\\")
        if line.endswith("\\") and len(pieces) < 1 << 16:
            continue
        if pieces.startswith("[") and pieces.endswith("]"):
            section = pieces[1:-1]
        elif "=" in pieces:
            name, _sign, value = pieces.partition("=")
            settled = start not in unsettled and not is_filled_in(pieces)
            yield section, Setting(name.strip(), value.strip(), start, settled)
        pieces = ""


def _value(service: list[Setting], name: str) -> Setting | None:
    return next((one for one in reversed(service) if one.name == name), None)


def _bounds(concerns: Concerns, service: list[Setting]) -> None:
    """Of a unit whole in its file; a drop-in of the machine may add what is missing, as the rule says."""
    start, kind, user = (_value(service, name) for name in ("ExecStart", "Type", "User"))
    if start is None or not start.value or (kind is not None and kind.value == "oneshot"):
        return
    program = _program(start.value)
    if _ENGINES.search(program) or _SEPARATES.search(program):
        return
    bound = next((one for one in service if one.name.lower() in _BOUNDS and one.value not in {"", "no", "false"}), None)
    if user is not None and (user.value not in {"", "root", "0"} or not user.settled):
        concerns.say("systemd.unconfined", False, user)
    elif bound is not None:
        concerns.say("systemd.unconfined", False, bound)
    else:
        # A template may add what is missing: settings whose name it makes, a part that it includes.
        settled = not is_filled_in(program) and not any(is_filled_in(one.name) for one in service)
        concerns.say("systemd.unconfined", True, replace(start, name=program, value="", settled=settled))


def _program(command: str) -> str:
    """The first word of a command, without the marks of systemd.service(5)."""
    return command.lstrip("-@:+!|").split(None, 1)[0] if command.lstrip("-@:+!|").strip() else ""


def _environment(concerns: Concerns, service: list[Setting]) -> None:
    fact = "systemd.clear_secrets"
    for one in service:
        if one.name != "Environment" or not one.value:
            continue
        if one.settled:
            concerns.right(fact, one.line)
        for name, value in _assignments(one.value):
            if is_secret_in_clear(name, value):
                concerns.wrong(fact, name, one.line)


def _assignments(value: str) -> Iterator[tuple[str, str]]:
    try:
        words = shlex.split(value[: 1 << 14])
    except ValueError:
        words = value.split()
    for word in words:
        name, sign, rest = word.partition("=")
        if sign:
            yield name, rest


def _commands(concerns: Concerns, commands: list[Setting]) -> None:
    for one in commands:
        program = _program(one.value)
        shown = replace(one, name=program or one.name, value="")
        if program.startswith("/"):
            offends = program.startswith(_OPEN_TO_ALL)
            known = program.partition("{{")[0]  # /usr/lib/jvm/{{ … }} is no matter of /tmp
            settled = not is_filled_in(program) or not any(place.startswith(known) for place in _OPEN_TO_ALL)
            concerns.say("systemd.writable_program", offends, replace(shown, settled=settled))
        if downloads(one.value):
            why = unsafe_download(one.value)
            concerns.say(
                "systemd.unsafe_download", bool(why), replace(shown, value=why, settled=one.settled or bool(why))
            )
        if re.search(r"(?:^|/)(?:dockerd|docker)\Z", program) and ("dockerd" in program or " daemon" in one.value):
            offends = _TCP.search(one.value) is not None and "--tlsverify" not in one.value
            concerns.say("systemd.engine_on_network", offends, shown)
