# SPDX-License-Identifier: EUPL-1.2
"""Plays and tasks of Ansible, and what single tasks do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Read
from nis2check.evidence.repo import openssh
from nis2check.evidence.repo.ansible.variables import connection, secrets
from nis2check.evidence.repo.commands import downloads, is_near, plain_url_host, unsafe_download
from nis2check.evidence.repo.concerns import Concerns, Setting, is_filled_in
from nis2check.evidence.repo.yaml_tree import Node
from nis2check.model import Why

DEEPEST = 20  # blocks within one another

_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
# Keywords of a task: what is none of these is the module.
_KEYWORDS = frozenset(
    """
    action any_errors_fatal args async become become_flags become_method become_user changed_when check_mode collections
    connection debugger delay delegate_facts delegate_to diff environment failed_when gather_facts hosts ignore_errors
    ignore_unreachable listen local_action loop loop_control module_defaults name no_log notify poll port register
    remote_user retries run_once tags throttle timeout until vars when
    """.split()  # noqa: SIM905 - a table reads better in lines
)
_COMMANDS = {"shell", "command", "raw", "script", "win_shell", "win_command"}
_FREE_FORM = re.compile(r"[A-Za-z_]\w*=")
_YES = {"true", "yes", "on", "1", "y"}
_NO = {"false", "no", "off", "0", "n"}
_PASSWORD = re.compile(r"(?:^|_)(?:password|passwd|passphrase|secret|token|api_?key)\Z", re.IGNORECASE)
_SSHD = re.compile(r"(?:^|/)sshd?_config(?:\.d/[^/]+)?\Z")


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its module without namespace, its arguments, free-form text if it has some, and whether its output is hidden.

    ``conditional``: ``when`` stands over it, here or above.
    """

    title: str
    module: str
    args: dict[str, Node]
    text: str
    node: Node
    line: int
    hidden: bool
    conditional: bool

    def word(self, *names: str) -> str:
        """The first of these arguments, in lower case; empty without."""
        node = next((self.args[name] for name in names if name in self.args), None)
        return (node.text or "").strip().lower() if node is not None else ""

    def at(self, name: str) -> int:
        return self.args[name].line if name in self.args else self.line


def plays(concerns: Concerns, root: Node, *, trial: bool) -> None:
    """A playbook, or a file of tasks."""
    met: set[int] = set()
    for entry in root.each():
        variables = entry.get("vars")
        if entry.get("hosts") is not None and variables is not None:
            secrets(concerns, variables, trial=trial)
            connection(concerns, variables)
        if (user := entry.get("remote_user")) is not None and user.text is not None:
            concerns.say("ansible.root_connection", user.text == "root", _setting("remote_user", user))
        for task in _tasks(entry, 0, met):
            for judge in _JUDGES:
                judge(concerns, task)


def _tasks(
    entry: Node, depth: int, met: set[int], *, hidden: bool = False, conditional: bool = False
) -> Iterator[Task]:
    """The task itself, or those of the play or block. ``met``: what stands behind several aliases counts once."""
    if id(entry) in met:
        return
    met.add(id(entry))
    hidden = hidden or _is_hidden(entry)
    conditional = conditional or entry.get("when") is not None
    lists = [part for name in _LISTS if (part := entry.get(name)) is not None and part.items is not None]
    if lists or entry.get("hosts") is not None:
        if depth <= DEEPEST:
            for part in lists:
                for child in part.each():
                    yield from _tasks(child, depth + 1, met, hidden=hidden, conditional=conditional)
        return
    for key, value in entry.pairs():
        if key in _KEYWORDS or key.startswith("with_"):
            continue
        name = entry.get("name")
        module = key.rpartition(".")[2]
        args, text = _arguments(module, value, entry.get("args"))
        title = (name.text if name is not None else None) or module
        yield Task(title, module, args, text, entry, entry.line, hidden, conditional)
        return


def _is_hidden(entry: Node) -> bool:
    """no_log is set, or a variable sets it: somebody has thought of it."""
    node = entry.get("no_log")
    return node is not None and (node.text or "").strip().lower() not in _NO


def _arguments(module: str, value: Node, more: Node | None) -> tuple[dict[str, Node], str]:
    args = dict(value.pairs())
    text = value.text or ""
    if text and module not in _COMMANDS and _FREE_FORM.search(text):
        args |= {name: Node(value.line, text=word) for name, word in _split(text)}
    if module in _COMMANDS and not text:
        text = next((args[name].text or "" for name in ("cmd", "_raw_params") if name in args), "")
    return args | (dict(more.pairs()) if more is not None else {}), text


def _split(text: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(text[: 1 << 14])
    except ValueError:
        words = text.split()
    return [
        (name, value) for name, sign, value in (word.partition("=") for word in words) if sign and name.isidentifier()
    ]


def _setting(name: str, node: Node) -> Setting:
    return Setting(name, node.text or "", node.line, not is_filled_in(node.text or ""))


def _switch(concerns: Concerns, task: Task, fact: str, names: tuple[str, ...], bad: set[str]) -> None:
    """Arguments that offend by their value alone."""
    for name in names:
        if (node := task.args.get(name)) is not None and node.text is not None:
            offends = node.text.strip().lower() in bad
            setting = _setting(f"{task.title}: {name}", node)
            concerns.say(fact, offends, setting)


# -------------------------------------------------------------------------------------------------------------- tasks


def _certificates(concerns: Concerns, task: Task) -> None:
    fact = "ansible.unverified_tls"
    host = re.match(r"https?://([^\s/:]+)", task.word("url", "src", "baseurl"))
    if host is not None and is_near(host[1]):
        return  # the machine itself, or its own network
    _switch(concerns, task, fact, ("validate_certs", "sslverify", "verify_ssl", "tls_verify"), _NO)


def _packages(concerns: Concerns, task: Task) -> None:
    fact = "ansible.unverified_packages"
    if task.module in {"apt", "yum", "dnf", "dnf5", "zypper", "package", "apt_repository", "yum_repository"}:
        _switch(concerns, task, fact, ("disable_gpg_check", "allow_unauthenticated"), _YES)
        _switch(concerns, task, fact, ("gpgcheck",), _NO)
    if task.module == "apt" and task.word("force") in _YES:  # its documentation: implies allow_unauthenticated
        concerns.wrong(fact, f"{task.title}: force", task.at("force"))
    if task.module == "apt_repository" and re.search(r"\btrusted\s*=\s*yes\b", task.word("repo")):
        concerns.wrong(fact, f"{task.title}: trusted=yes", task.at("repo"))


_FETCHES = {
    "get_url": ("url",),
    "unarchive": ("src",),
    "apt": ("deb",),
    "yum": ("name",),
    "dnf": ("name",),
    "apt_key": ("url",),
    "rpm_key": ("key",),
    "win_get_url": ("url",),
}


def _fetches(concerns: Concerns, task: Task) -> None:
    fact = "ansible.unsafe_download"
    if task.module in _COMMANDS and downloads(task.text):
        why = unsafe_download(task.text)
        settled = bool(why) or not is_filled_in(task.text)
        concerns.say(fact, bool(why), Setting(task.title, why, task.line, settled))
    for name in _FETCHES.get(task.module, ()):
        node = task.args.get(name)
        if node is None or node.text is None or "://" not in node.text[:10]:
            continue
        host = "" if task.word("checksum", "sha256sum") else plain_url_host(node.text)
        settled = "{{" not in node.text[:8]
        concerns.say(fact, bool(host), Setting(task.title, f"http://{host}" if host else "", node.line, settled))


def _modes(concerns: Concerns, task: Task) -> None:
    """Octal in quotes or with its zero; 777 without either is decimal to YAML, and another mode. The sticky bit protects."""
    node = task.args.get("mode")
    if node is None or node.text is None:
        return
    text = node.text.strip()
    if re.fullmatch(r"0?[0-7]{3,4}", text) and (text.startswith("0") or not node.plain or len(text) == 4):
        mode = int(text, 8)
        offends = bool(mode & 0o002) and not mode & 0o1000
    elif text.isdigit():
        return
    else:
        offends = re.search(r"(?:^|,)[ug]*[oa][uoga]*[+=][rx]*w", text) is not None
    concerns.say("ansible.world_writable", offends, _setting(task.title, node))


def _logs(concerns: Concerns, task: Task) -> None:
    """As ansible-lint's no-log-password: the items of a loop are printed, module arguments named password are not."""
    loops = any(key == "loop" or key.startswith("with_") for key, _value in task.node.pairs())
    secret = next((n for name, n in task.args.items() if _PASSWORD.search(name) and "item" in (n.text or "")), None)
    if loops and secret is not None:
        concerns.say("ansible.secrets_logged", not task.hidden, Setting(task.title, "", secret.line))


_PROTECTIONS = {"auditd", "apparmor", "unattended-upgrades", "dnf-automatic", "fail2ban", "ufw", "firewalld", "rsyslog"}
_PROTECTIONS |= {"clamav-daemon", "clamav-freshclam", "crowdsec", "wazuh-agent", "chrony", "chronyd"}
_SERVICES = {"service", "systemd", "systemd_service", "sysvinit"}
_PACKAGES = {"apt", "yum", "dnf", "dnf5", "package", "zypper"}


def _protections(concerns: Concerns, task: Task) -> None:
    """A role that serves both ways switches off under a condition: then it is not settled whether it does."""
    said = _protection(task)
    if said is None:
        return
    fact, offends = "ansible.protections_off", said[1]
    if offends and task.conditional:
        concerns.open(
            fact, Why.NOT_ASKED, f"{task.title}: switched off under a condition, which is not evaluated", task.line
        )
    else:
        concerns.say(fact, offends, said[0])


def _protection(task: Task) -> tuple[Setting, bool] | None:
    """The setting that switches a protection on or off, and whether it is off; None for another task."""
    name = task.word("name", "pkg", "service").removesuffix(".service")
    if task.module in {"ufw", "selinux"} and task.word("state"):
        node = task.args["state"]
        return _setting(f"{task.title}: state", node), task.word("state") in {"disabled", "reset"}
    if task.module in _SERVICES and name in _PROTECTIONS and ("enabled" in task.args or "masked" in task.args):
        settled = not is_filled_in(task.word("enabled") + task.word("masked"))
        off = task.word("enabled") in _NO or task.word("masked") in _YES
        return Setting(f"{task.title}: {name}", "", task.line, settled), off
    if task.module in _PACKAGES and name in _PROTECTIONS:
        return Setting(f"{task.title}: {name}", "", task.line), task.word("state") == "absent"
    return None


def _shell_of_others(concerns: Concerns, task: Task) -> None:
    """Lines put into sshd_config are read as sshd reads them."""
    place = task.word("path", "dest", "destfile", "name")
    if task.module not in {"lineinfile", "blockinfile", "copy"} or not _SSHD.search(place):
        return
    name = {"lineinfile": "line", "blockinfile": "block", "copy": "content"}[task.module]
    node = task.args.get(name)
    if node is None or node.text is None or task.word("state") == "absent":
        return
    for one in openssh.read(place, node.text):
        if isinstance(one, Read):
            for offender in one.value:
                concerns.wrong(one.name, offender["name"], node.line, offender.get("value", ""))
            if not one.value:
                concerns.right(one.name, node.line)
        else:
            concerns.open(one.name, one.why, one.detail, node.line)


_JUDGES = (_certificates, _packages, _fetches, _modes, _logs, _protections, _shell_of_others)
