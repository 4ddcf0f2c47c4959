# SPDX-License-Identifier: EUPL-1.2
"""Who may do what in a cluster: roles, their bindings, and the levels of namespaces.

https://kubernetes.io/docs/concepts/security/rbac-good-practices/
"""

from __future__ import annotations

from nis2check.evidence.repo.kubernetes.objects import Thing
from nis2check.evidence.repo.listing import Listing
from nis2check.evidence.repo.yaml_tree import Node
from nis2check.model import FactSpec

FACTS = (
    FactSpec("kubernetes.rbac_wildcards", "array", "", "Rules of roles with *; scope: everything, verbs or resources."),
    FactSpec("kubernetes.rbac_escalation", "array", "", "Roles that may escalate, bind or impersonate."),
    FactSpec("kubernetes.cluster_admins", "array", "", "Bindings of cluster-admin to a subject."),
    FactSpec("kubernetes.anonymous_bindings", "array", "", "Bindings to anonymous users or to every account."),
    FactSpec("kubernetes.namespaces_privileged", "array", "", "Namespaces that enforce the level privileged."),
    FactSpec(
        "kubernetes.network_policies_open", "array", "", "Network policies that let every source in to every pod."
    ),
)

_EVERYBODY = {"system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"}
_ESCALATES = {"escalate", "bind", "impersonate"}
# What Kubernetes itself grants to everybody, and its own administrators.
_HARMLESS_ROLES = {"system:public-info-viewer", "system:discovery", "system:basic-user"}
_LEVEL = "pod-security.kubernetes.io/enforce"


def access_facts(thing: Thing, out: Listing) -> None:
    """The facts of one object."""
    if thing.kind in {"Role", "ClusterRole"}:
        _role(thing, out)
    elif thing.kind in {"RoleBinding", "ClusterRoleBinding"}:
        _binding(thing, out)
    elif thing.kind == "Namespace":
        fact = "kubernetes.namespaces_privileged"
        level = thing.root.get("metadata", "labels", _LEVEL)
        if level is not None:
            out.holds(fact)
            if level.says("privileged"):
                out.add(fact, level.line, name=thing.label)
    elif thing.kind == "NetworkPolicy" and thing.group == "networking.k8s.io":
        _policy(thing, out)


def _words(rule: Node, key: str) -> set[str]:
    return {one.text or "" for one in rule.entries(key)}


def _role(thing: Thing, out: Listing) -> None:
    wide, escalates = "kubernetes.rbac_wildcards", "kubernetes.rbac_escalation"
    out.holds(wide, escalates)
    for rule in thing.root.entries("rules"):
        verbs, resources = _words(rule, "verbs"), _words(rule, "resources")
        if "*" in verbs and "*" in resources and ("*" in _words(rule, "apiGroups")):
            out.add(wide, rule.line, name=thing.label, scope="everything")
        elif "*" in resources and resources:
            out.add(wide, rule.line, name=thing.label, scope="resources")
        elif "*" in verbs and resources:
            out.add(wide, rule.line, name=thing.label, scope="verbs")
        for verb in sorted(verbs & _ESCALATES):
            out.add(escalates, rule.line, name=thing.label, verb=verb)


def _binding(thing: Thing, out: Listing) -> None:
    admins, everybody = "kubernetes.cluster_admins", "kubernetes.anonymous_bindings"
    out.holds(admins, everybody)
    role = thing.root.word("roleRef", "name")
    for subject in thing.root.entries("subjects"):
        name = subject.word("name")
        who = f"{subject.word('kind')}/{name}"
        if role == "cluster-admin" and name != "system:masters":
            out.add(admins, subject.line, name=thing.label, subject=who)
        if name in _EVERYBODY and role not in _HARMLESS_ROLES:
            out.add(everybody, subject.line, name=thing.label, subject=who, role=role)


def _policy(thing: Thing, out: Listing) -> None:
    """``ingress: [{}]`` on ``podSelector: {}`` is the same as no policy at all."""
    fact = "kubernetes.network_policies_open"
    out.holds(fact)
    selector = thing.root.get("spec", "podSelector")
    if selector is None or selector.keys is None or selector.keys:
        return
    for rule in thing.root.entries("spec", "ingress"):
        if rule.keys is not None and not rule.keys:
            out.add(fact, rule.line, name=thing.label)
