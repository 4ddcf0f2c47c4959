# SPDX-License-Identifier: EUPL-1.2
"""Reads Ansible: playbooks and tasks, variables, inventories, requirements and ansible.cfg.

Only what is written out is judged: what Jinja fills in is a reference or a gap, what ansible-vault encrypts is well kept.
Nothing is evaluated; conditions (``when``) are not, so that a task counts as one that may run.
"""

from __future__ import annotations

import re

from nis2check.evidence.observe import Unread, Unseen
from nis2check.evidence.repo import openssh
from nis2check.evidence.repo.ansible import ini, tasks, variables
from nis2check.evidence.repo.concerns import Concerns, Found, array_fact, long_line
from nis2check.evidence.repo.yaml_tree import Node, documents

NAME = "ansible"
FACTS = (
    array_fact("ansible.secrets_in_clear", "Variables that hold a secret written out; never the value."),
    array_fact("ansible.default_passwords", "Variables that set a password which every attacker tries first."),
    array_fact("ansible.secrets_logged", "Loops over passwords whose items go to the log (no no_log)."),
    array_fact("ansible.unverified_tls", "Tasks that do not check the certificate of the server."),
    array_fact("ansible.unverified_packages", "Tasks that install packages without checking their signature."),
    array_fact("ansible.unsafe_download", "Tasks that download over http:// or unchecked, without a checksum."),
    array_fact("ansible.world_writable", "Tasks that let every user of the machine write a file or folder."),
    array_fact("ansible.host_keys_unchecked", "Settings that connect without checking the machine's SSH key."),
    array_fact("ansible.root_connection", "Connections as root."),
    array_fact("ansible.cleartext_connection", "WinRM connections without TLS, or that do not check the certificate."),
    array_fact("ansible.protections_off", "Tasks that switch off a protection of the machine."),
    array_fact("ansible.unpinned", "Roles and collections without a fixed version."),
    *openssh.FACTS,  # of the lines that tasks put into sshd_config
)

_BY_NAME = re.compile(
    r"(?:^|/)(?:(?:tasks|handlers)/(?:[^/]+/)*[^/]+\.ya?ml"
    r"|(?:group_vars|host_vars)/(?:[^/]+/)*[^/.]+(?:\.ya?ml)?"
    r"|roles/[^/]+/(?:defaults|vars)/(?:[^/]+/)*[^/]+\.ya?ml"
    r"|requirements\.ya?ml|ansible\.cfg)\Z"
)
_VARIABLES = re.compile(r"(?:^|/)(?:group_vars|host_vars|defaults|vars)/")
_INVENTORY = re.compile(
    r"(?:^|/)(?:hosts|inventory)(?:\.ini)?\Z|(?:^|/)inventor(?:y|ies)/(?:[^/]+/)*[^/.]+(?:\.ini)?\Z"
)
_YAML = re.compile(r"\.ya?ml\Z", re.IGNORECASE)
_PLAY = re.compile(rb"^-?[ ]{0,6}(?:-[ ])?hosts:[ \t]*\S", re.MULTILINE)
_OF_PLAY = re.compile(
    rb"^[ ]{1,6}(?:tasks|roles|pre_tasks|post_tasks|gather_facts|become|remote_user|vars_files):", re.MULTILINE
)
_TRIAL = re.compile(r"(?:^|/)(?:molecule|tests?|examples?|\.?vagrant|kitchen|fixtures?)(?:/|\Z)", re.IGNORECASE)


def matches(path: str, head: bytes) -> bool:
    """By the layout that Ansible itself knows; elsewhere by what the first lines of a playbook or inventory hold."""
    if b"\0" in head:
        return False
    if _BY_NAME.search(path):
        return True
    if _INVENTORY.search(path):
        return b"ansible_" in head
    return _YAML.search(path) is not None and _PLAY.search(head) is not None and _OF_PLAY.search(head) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    if text.startswith("$ANSIBLE_VAULT;"):
        return  # encrypted whole
    concerns = Concerns()
    trial = _TRIAL.search(path) is not None
    if path.endswith("ansible.cfg"):
        yield from long_line(NAME, text)
        ini.configuration(concerns, text)
    elif _INVENTORY.search(path) and not _VARIABLES.search(path):
        yield from long_line(NAME, text)
        ini.inventory(concerns, text, trial=trial)
    else:
        try:
            roots = documents(text)
        except Unseen as error:
            yield Unread("ansible.*", error.why, error.detail)
            return
        for root in roots:
            _yaml(concerns, path, root, trial=trial)
    yield from concerns.found()


def _yaml(concerns: Concerns, path: str, root: Node, *, trial: bool) -> None:
    if re.search(r"(?:^|/)requirements\.ya?ml\Z", path):
        if not trial:
            variables.requirements(concerns, root)
    elif _VARIABLES.search(path) and root.keys is not None:
        variables.secrets(concerns, root, trial=trial)
        variables.connection(concerns, root)
    else:
        tasks.plays(concerns, root, trial=trial)
