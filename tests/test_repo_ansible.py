# SPDX-License-Identifier: EUPL-1.2
"""Ansible: playbooks and tasks, variables, inventories, requirements, ansible.cfg."""

from __future__ import annotations

import time

import pytest
import yaml

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import ansible
from nis2check.model import Json, Why
from nis2check.rules.load import shipped_rules

TASKS = "roles/portail/tasks/main.yml"
VARIABLES = "group_vars/all.yml"


def read(text: str, path: str = TASKS) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(ansible.read(path, text))
    facts = {one.name.removeprefix("ansible."): one.value for one in found if isinstance(one, Read)}
    declared = {spec.name.removeprefix("ansible.") for spec in ansible.FACTS}
    assert facts.keys() <= declared
    return facts, [(one.name.removeprefix("ansible."), one.why, one.line) for one in found if isinstance(one, Unread)]


def offends(text: str, fact: str, path: str = TASKS) -> bool | None:
    value = read(text, path)[0].get(fact)
    return None if value is None else bool(value)


def task(lines: str) -> str:
    return "---\n- name: Essai\n" + "".join(f"  {line}\n" for line in lines.splitlines())


# -------------------------------------------------------------------------------------------------------------- tasks


@pytest.mark.parametrize(
    ("lines", "fact", "expected"),
    [
        ("get_url:\n  url: https://www.ville.fr/x\n  validate_certs: false", "unverified_tls", True),
        ("ansible.builtin.uri:\n  url: https://x.fr\n  validate_certs: no", "unverified_tls", True),
        ("get_url: url=https://www.ville.fr/x dest=/x validate_certs=no", "unverified_tls", True),
        ("uri:\n  url: https://x.fr\n  validate_certs: yes", "unverified_tls", False),
        ("uri:\n  url: https://localhost:8443/ok\n  validate_certs: no", "unverified_tls", None),
        ("uri:\n  url: https://x.fr\n  validate_certs: '{{ verify }}'", "unverified_tls", None),
        ("yum:\n  name: x\n  disable_gpg_check: true", "unverified_packages", True),
        ("apt:\n  name: x\n  allow_unauthenticated: yes", "unverified_packages", True),
        ("apt:\n  name: x\n  force: yes", "unverified_packages", True),
        ("yum_repository:\n  name: x\n  gpgcheck: no", "unverified_packages", True),
        ("yum_repository:\n  name: x\n  gpgcheck: 1", "unverified_packages", False),
        ("apt_repository:\n  repo: deb [trusted=yes] https://d.fr/ ./", "unverified_packages", True),
        ("get_url:\n  url: http://www.ville.fr/x\n  dest: /x", "unsafe_download", True),
        ("get_url:\n  url: http://www.ville.fr/x\n  checksum: sha256:00", "unsafe_download", False),
        ("get_url:\n  url: https://www.ville.fr/x\n  dest: /x", "unsafe_download", False),
        ("get_url:\n  url: http://localhost/x\n  dest: /x", "unsafe_download", False),
        ("get_url:\n  url: '{{ base }}/x'\n  dest: /x", "unsafe_download", None),
        ("unarchive:\n  src: http://www.ville.fr/x.tgz\n  remote_src: yes", "unsafe_download", True),
        ("shell: curl -k https://www.ville.fr/x | bash", "unsafe_download", True),
        ("command:\n  cmd: wget http://www.ville.fr/x", "unsafe_download", True),
        ("shell: curl -fsSL https://www.ville.fr/x -o /x", "unsafe_download", False),
        ("shell: echo http://www.ville.fr", "unsafe_download", None),
        ("file:\n  path: /x\n  mode: '0777'", "world_writable", True),
        ("file:\n  path: /x\n  mode: 0666", "world_writable", True),
        ("file: path=/x mode=0777", "world_writable", True),
        ("file:\n  path: /x\n  mode: '1777'", "world_writable", False),  # the sticky bit, as /tmp
        ("file:\n  path: /x\n  mode: '0755'", "world_writable", False),
        ("file:\n  path: /x\n  mode: 777", "world_writable", None),  # decimal: octal 1411, not 0777
        ("file:\n  path: /x\n  mode: u=rwx,g=rx,o=rwx", "world_writable", True),
        ("file:\n  path: /x\n  mode: a+w", "world_writable", True),
        ("file:\n  path: /x\n  mode: u=rwx,go=rx", "world_writable", False),
        ("file:\n  path: /x\n  mode: '{{ m }}'", "world_writable", None),
        ("user:\n  name: x\n  password: '{{ item.p }}'\nloop: '{{ u }}'", "secrets_logged", True),
        ("user:\n  name: x\n  password: '{{ item.p }}'\nloop: '{{ u }}'\nno_log: true", "secrets_logged", False),
        (
            "user:\n  name: x\n  password: '{{ item.p }}'\nwith_items: '{{ u }}'\nno_log: '{{ q }}'",
            "secrets_logged",
            False,
        ),
        ("user:\n  name: x\n  password: '{{ p }}'", "secrets_logged", None),  # the module hides it by itself
        ("community.general.ufw:\n  state: disabled", "protections_off", True),
        ("ufw:\n  state: enabled\n  policy: deny", "protections_off", False),
        ("ansible.posix.selinux:\n  state: disabled", "protections_off", True),
        ("service:\n  name: auditd\n  enabled: no\n  state: stopped", "protections_off", True),
        ("systemd:\n  name: fail2ban.service\n  enabled: yes\n  masked: no", "protections_off", False),
        ("service:\n  name: auditd\n  state: stopped", "protections_off", None),  # for a moment, perhaps
        ("service:\n  name: auditd\n  enabled: no\nwhen: not audited", "protections_off", None),  # a gap
        ("apt:\n  name: unattended-upgrades\n  state: absent", "protections_off", True),
        ("apt:\n  name: unattended-upgrades\n  state: present", "protections_off", False),
    ],
)
def test_tasks(lines: str, fact: str, expected: bool | None) -> None:
    assert offends(task(lines), fact) is expected


def test_blocks_plays_and_what_they_hand_down() -> None:
    text = """
- hosts: all
  remote_user: root
  no_log: true
  vars:
    ansible_winrm_server_cert_validation: ignore
    db_password: Tr0uv3z-moi
  pre_tasks:
    - block:
        - name: Dedans
          file: {path: /x, mode: '0777'}
        - user: {name: x, password: '{{ item }}'}
          loop: [1]
      rescue:
        - get_url: {url: 'https://x.fr/', validate_certs: no}
  handlers:
    - name: Vide
      shell: 'true'
"""
    facts, gaps = read(text, "site.yml")
    assert gaps == []
    assert facts["world_writable"] == [{"name": "Dedans", "line": 11, "value": "0777"}]
    assert facts["secrets_logged"] == []  # the play hides
    assert facts["unverified_tls"][0]["line"] == 15
    assert facts["root_connection"] and facts["cleartext_connection"]
    assert facts["secrets_in_clear"] == [{"name": "db_password", "line": 7}]


def test_lines_for_sshd_are_read_as_sshd_reads_them() -> None:
    text = task(
        'lineinfile:\n  path: /etc/ssh/sshd_config\n  regexp: "^PermitRootLogin"\n  line: "PermitRootLogin yes"'
    )
    assert read(text)[0]["openssh.root_login"] == [{"name": "PermitRootLogin", "line": 6, "value": "yes"}]
    assert read(text.replace("Login yes", "Login no"))[0] == {"openssh.root_login": []}
    assert read(text.replace("  line:", "  state: absent\n    line:"))[0] == {}
    assert read(text.replace("Login yes", "Login {{ x }}"))[1] == [("openssh.root_login", Why.TEMPLATED, 6)]
    client = text.replace("sshd_config", "ssh_config").replace("PermitRootLogin yes", "StrictHostKeyChecking no")
    assert [one["line"] for one in read(client)[0]["openssh.host_keys_unchecked"]] == [6]
    block = task(
        "blockinfile:\n  path: /etc/ssh/sshd_config.d/10.conf\n  block: |\n    X11Forwarding yes\n    Ciphers aes128-cbc"
    )
    assert read(block)[0].keys() == {"openssh.x11_forwarding", "openssh.weak_ciphers"}


# ---------------------------------------------------------------------------------------------------------- variables


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("db_password: Tr0uv3z-moi", "secrets_in_clear"),
        ("a: {b: {smtp_passwd: 'x9-kkq21'}}", "secrets_in_clear"),
        ("api_token: a81bc81b-dead-4e5d-abff-90865d1e13b1", "secrets_in_clear"),
        ("users: [{name: x, password: 'Hiver2026!'}]", "secrets_in_clear"),
        ("ansible_become_pass: Hiver2026", "secrets_in_clear"),
        ("db_password: changeme", "default_passwords"),
        ("admin_password: admin", "default_passwords"),
    ],
)
def test_secrets_in_variables(line: str, fact: str) -> None:
    facts, gaps = read(f"---\n{line}\n", VARIABLES)
    assert gaps == []
    assert [len(value) for name, value in facts.items() if name == fact] == [1]
    assert "Hiver" not in repr(facts) and "Tr0uv3z" not in repr(facts)


@pytest.mark.parametrize(
    "line",
    [
        "db_password: ''",
        "db_password: null",
        "db_password: CHANGE_ME_PLEASE",
        "db_password: your-password-here",
        'db_password: "----==>SetR00tPa$$wordHere<==----"',
        "db_password_file: /run/secrets/db",
        "password_length: 12",
        "tls_secret: wildcard-tls",
        "token: short",
        "root_password: $6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr/36eYv8",
        "pass: through",
        "ssh_password_authentication: 'yes'",
    ],
)
def test_what_is_no_secret(line: str) -> None:
    assert read(f"{line}\n", VARIABLES) == ({}, [])


def test_vault_and_references_are_right() -> None:
    text = "db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6238\n"
    assert read(text, VARIABLES)[0] == {"secrets_in_clear": []}
    assert read("db_password: '{{ vault_db_password }}'\n", VARIABLES)[0] == {"secrets_in_clear": []}
    assert read("$ANSIBLE_VAULT;1.1;AES256\n62383\n", "group_vars/all/vault.yml") == ({}, [])


def test_trials_hold_no_secrets() -> None:
    for path in ("molecule/default/group_vars/all.yml", "tests/group_vars/all.yml", "examples/group_vars/all.yml"):
        assert read("db_password: Tr0uv3z-moi\n", path) == ({}, [])


def test_inventories() -> None:
    text = (
        "# hosts\n[web]\nsrv1 ansible_host=192.0.2.1 ansible_user=root ansible_password='Hiver 2026'\n"
        "srv2 ansible_ssh_common_args='-o StrictHostKeyChecking=no'\n[web:vars]\nansible_become_password=Hiver2026\n"
        "db_password={{ x }}\nansible_winrm_scheme=http\n"
    )
    facts, gaps = read(text, "inventory/hosts.ini")
    assert gaps == []
    assert [one["line"] for one in facts["secrets_in_clear"]] == [6]
    assert [one["line"] for one in facts["root_connection"]] == [3]
    assert facts["host_keys_unchecked"] == [{"name": "ansible_ssh_common_args", "line": 4}]
    assert facts["cleartext_connection"][0]["value"] == "http"


def test_ansible_cfg() -> None:
    text = (
        "[defaults]\nhost_key_checking = False ; for now\nremote_user = deploy\n"
        "[ssh_connection]\nssh_args = -o StrictHostKeyChecking=no\n"
    )
    facts, gaps = read(text, "ansible.cfg")
    assert gaps == []
    assert [one["line"] for one in facts["host_keys_unchecked"]] == [2, 5]
    assert facts["root_connection"] == []
    assert read("[defaults]\nhost_key_checking = True\n", "ansible.cfg")[0] == {"host_keys_unchecked": []}


def test_requirements() -> None:
    text = """
roles:
  - name: geerlingguy.docker
    version: 7.4.1
  - src: https://github.com/x/y
    version: main
  - src: https://x.fr/role-1.2.3.tar.gz
  - geerlingguy.ntp
collections:
  - community.general
  - name: ansible.posix
    version: ">=1.0.0"
  - name: community.docker
    version: 3.10.0
  - {name: ./ours, type: dir}
"""
    facts, gaps = read(text, "requirements.yml")
    assert gaps == []
    assert [(one["name"], one["line"]) for one in facts["unpinned"]] == [
        ("https://github.com/x/y", 6), ("geerlingguy.ntp", 8), ("community.general", 10), ("ansible.posix", 12),
    ]  # fmt: skip
    assert read("- src: a.b\n- src: c.d,v1.0\n", "roles/requirements.yml")[0]["unpinned"] == [
        {"name": "a.b", "line": 1}
    ]


# -------------------------------------------------------------------------------------------------------------- bounds


def test_which_files() -> None:
    for path in (TASKS, VARIABLES, "host_vars/srv1", "roles/x/defaults/main.yml", "requirements.yml", "ansible.cfg"):
        assert ansible.matches(path, b"")
    assert ansible.matches("site.yml", b"---\n- name: x\n  hosts: all\n  become: true\n")
    assert ansible.matches("deploy/web.yaml", b"- hosts: web\n  roles:\n    - x\n")
    assert ansible.matches("inventory/prod", b"[web]\nsrv ansible_user=x\n")
    assert not ansible.matches("k8s/ingress.yml", b"spec:\n  tls:\n  - hosts: [a]\n    secretName: x\n")
    assert not ansible.matches("etc/hosts", b"127.0.0.1 localhost\n")
    assert not ansible.matches("docs/tasks/readme.md", b"")


def test_a_file_that_is_a_template_is_a_gap() -> None:
    assert read("{% for x in y %}\n- a: {{ x }}\n{% endfor %}\n")[1] == [("*", Why.TEMPLATED, 1)]
    assert read("a: [\n")[1] == [("*", Why.MALFORMED, 1)]


LAUGHS = "a0: &a0 [{x_password: abcd1234}]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


def test_a_bomb_of_aliases_is_read_once() -> None:
    started = time.process_time()
    assert read(LAUGHS, VARIABLES)[0]["secrets_in_clear"] == [{"name": "x_password", "line": 1}]
    blocks = (
        LAUGHS.replace("[", "{block: [").replace("]", "]}").replace("{x_password: abcd1234}", "{file: {mode: '0777'}}")
    )
    read("- " + "\n  ".join(blocks.splitlines()), TASKS)
    assert time.process_time() - started < 5


SNIPPETS = {rule.id: rule.remediation["ansible"] for rule in shipped_rules() if rule.id.startswith("ansible/")}


@pytest.mark.parametrize("rule_id", sorted(SNIPPETS))
def test_what_the_rules_tell_to_paste_is_yaml_and_cures(rule_id: str) -> None:
    text = SNIPPETS[rule_id]
    value = yaml.safe_load(text)
    path = {"ansible/unpinned": "requirements.yml"}.get(rule_id, VARIABLES if isinstance(value, dict) else TASKS)
    facts, gaps = read(text, path)
    assert gaps == [] and all(found == [] for found in facts.values())
