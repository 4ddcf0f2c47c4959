# SPDX-License-Identifier: EUPL-1.2
"""ansible.cfg and inventories in INI form."""

from __future__ import annotations

import re
import shlex

from nis2check.evidence.repo.ansible.variables import connect, secret
from nis2check.evidence.repo.concerns import Concerns, Setting, is_filled_in, numbered

_NO = {"false", "no", "0", "off"}


def configuration(concerns: Concerns, text: str) -> None:
    """ansible.cfg: the sections defaults and ssh_connection."""
    section = ""
    for number, raw in numbered(text):
        line = raw.strip()
        if line.startswith("["):
            section = line.strip("[]").lower()
        elif "=" in line and not line.startswith(("#", ";")):
            name, _sign, value = line.partition("=")
            value = re.split(r"\s[;#]", value)[0].strip()
            _option(concerns, section, Setting(name.strip().lower(), value, number, not is_filled_in(value)))


def _option(concerns: Concerns, section: str, setting: Setting) -> None:
    word = setting.value.lower()
    if section == "defaults" and setting.name == "host_key_checking":
        concerns.say("ansible.host_keys_unchecked", word in _NO, setting)
    elif setting.name in {"ssh_args", "ssh_common_args", "ssh_extra_args"}:
        connect(concerns, Setting(f"ansible_{setting.name}", setting.value, setting.line, setting.settled))
    elif section == "defaults" and setting.name == "remote_user":
        concerns.say("ansible.root_connection", word == "root", setting)
    elif section == "galaxy" and setting.name == "ignore_certs":
        concerns.say("ansible.unverified_tls", word not in _NO, setting)


def inventory(concerns: Concerns, text: str, *, trial: bool) -> None:
    """Hosts with their variables on the line, and the sections ``[group:vars]``."""
    section = ""
    for number, raw in numbered(text):
        line = raw.strip()
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        for name, value in _assignments(line, whole=section.endswith(":vars")):
            connect(concerns, Setting(name, value, number, not is_filled_in(value)))
            if not trial:
                secret(concerns, name, value, number)


def _assignments(line: str, *, whole: bool) -> list[tuple[str, str]]:
    """``name=value`` of a line; under ``:vars`` the line is one of them."""
    if whole:
        name, sign, value = line.partition("=")
        return [(name.strip(), value.strip().strip("\"'"))] if sign else []
    if "=" not in line:
        return []
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    return [(name, value) for name, sign, value in (word.partition("=") for word in words[1:]) if sign]
