# SPDX-License-Identifier: EUPL-1.2
"""Variables of Ansible: secrets written out, how it connects; and the versions that requirements.yml fixes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.evidence.repo.commands import is_secret_in_clear, is_well_known_password
from nis2check.evidence.repo.concerns import Concerns, Setting, is_filled_in
from nis2check.evidence.repo.yaml_tree import Node

_VAULT = "$ANSIBLE_VAULT;"
_MOVING = {"main", "master", "devel", "head", "latest", "*"}
_SECRET_WORD = re.compile(r"pass(?:word|wd|phrase)?\Z|secret|token|api_?key|access_key", re.IGNORECASE)


def secrets(concerns: Concerns, root: Node, *, trial: bool) -> None:
    """``trial``: the file is of a test or an example, whose passwords open nothing."""
    if trial:
        return
    for name, node in _flat(root):
        secret(concerns, name, node.text or "", node.line)


def secret(concerns: Concerns, name: str, value: str, line: int) -> None:
    """One variable, of whatever file."""
    if not _SECRET_WORD.search(name) or not value.strip():
        return
    if is_well_known_password(name, value.strip()):
        concerns.wrong("ansible.default_passwords", name, line)
    elif is_secret_in_clear(name, value.strip()):
        concerns.wrong("ansible.secrets_in_clear", name, line)
    elif value.startswith(_VAULT) or "{{" in value:
        concerns.right("ansible.secrets_in_clear", line)


def _flat(root: Node) -> Iterator[tuple[str, Node]]:
    """Scalars by their own name, at any depth; what stands behind several aliases is met once."""
    met: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        yield from ((name, child) for name, child in node.pairs() if child.text is not None)
        below = [child for _name, child in node.pairs() if child.text is None]
        waiting += reversed([*below, *node.each()])


def connection(concerns: Concerns, root: Node) -> None:
    """The variables that say how to connect."""
    for name, node in root.pairs():
        if name.startswith("ansible_") and node.text is not None:
            connect(concerns, Setting(name, node.text, node.line, not is_filled_in(node.text)))


def connect(concerns: Concerns, setting: Setting) -> None:
    """One variable of a connection, in a YAML file or an inventory."""
    name, value = setting.name.lower(), setting.value.strip().lower()
    if name in {"ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"}:
        offends = re.search(r"stricthostkeychecking[= ]+(?:no|off)\b", value) is not None
        if offends or "stricthostkeychecking" in value:
            concerns.say(
                "ansible.host_keys_unchecked", offends, Setting(name, "", setting.line, setting.settled or offends)
            )
    elif name in {"ansible_host_key_checking", "ansible_ssh_host_key_checking"}:
        concerns.say("ansible.host_keys_unchecked", value in {"false", "no", "0", "off"}, setting)
    elif name in {"ansible_user", "ansible_ssh_user"}:
        concerns.say("ansible.root_connection", value == "root", setting)
    elif name in {"ansible_winrm_scheme", "ansible_winrm_server_cert_validation"}:
        concerns.say("ansible.cleartext_connection", value in {"http", "ignore"}, setting)


def requirements(concerns: Concerns, root: Node) -> None:
    """requirements.yml, of one list or of roles and collections."""
    listed = [*root.each()]
    for part in ("roles", "collections"):
        if (under := root.get(part)) is not None:
            listed += under.each()
    for entry in listed:
        name, version = _required(entry)
        if not name.value:
            continue
        word = version.value.lower()
        moving = not word or word in _MOVING or word.startswith((">", "!=", "~"))
        concerns.say("ansible.unpinned", moving, Setting(name.value, version.value, version.line, version.settled))


def _required(entry: Node) -> tuple[Setting, Setting]:
    """Name and version of one entry; no name for an include, and for what lies on this machine."""
    named = entry if entry.text is not None else entry.get("name") or entry.get("src") or entry.get("role") or entry
    kind, source, said = entry.get("type"), entry.get("source") or entry.get("src") or named, entry.get("version")
    local = kind is not None and kind.text in {"dir", "subdirs", "file"}
    name, _comma, version = ("" if local else named.text or "").partition(",")  # a.b,v1.0: the form of old
    at = said if said is not None else named
    version = (said.text if said is not None else None) or version.partition(",")[0] or _in_address(source.text or "")
    return Setting("name", name.strip(), named.line), Setting(
        "version", version.strip(), at.line, not is_filled_in(version)
    )


def _in_address(text: str) -> str:
    """A version that the address itself gives: an archive named after it, or ``#`` and ``,`` of a git address."""
    found = re.search(r"[-/]v?(\d+(?:\.\d+)+)(?:\.tar\.gz|\.tgz|\.zip)\Z", text)
    return found[1] if found else ""
