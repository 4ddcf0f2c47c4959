# SPDX-License-Identifier: EUPL-1.2
"""What a pod may do to its node, by the controls of the Pod Security Standards.

https://kubernetes.io/docs/concepts/security/pod-security-standards/: ``baseline`` forbids what is written, ``restricted`` also
what is left out. What is left out of a patch is not: another file has it.
"""

from __future__ import annotations

from nis2check.evidence.repo.kubernetes.objects import Pod
from nis2check.evidence.repo.listing import Listing
from nis2check.evidence.repo.secret_words import is_written_out, names_secret
from nis2check.evidence.repo.yaml_tree import Node, is_templated
from nis2check.model import FactSpec, Why


def _array(name: str, meaning: str) -> FactSpec:
    return FactSpec(f"kubernetes.{name}", "array", "", meaning)


FACTS = (
    _array("privileged", "Containers with privileged: true."),
    _array("host_namespaces", "Pods in the network, process or IPC namespace of their node."),
    _array("host_paths", "Volumes on the disk of the node; class: engine_socket, sensitive, other."),
    _array("root_containers", "Containers told to run as root (runAsUser 0, runAsNonRoot false)."),
    _array("root_not_forbidden", "Containers that nothing forbids to run as root."),
    _array("privilege_escalation", "Containers without allowPrivilegeEscalation: false."),
    _array("capabilities_added", "Capabilities added beyond the baseline; class: whole (ALL, SYS_ADMIN…) or other."),
    _array("capabilities_kept", "Containers that do not drop ALL capabilities."),
    _array("unconfined", "Pods and containers with seccomp or AppArmor switched off."),
    _array("writable_root", "Containers whose root file system can be written."),
    _array("without_memory_limit", "Containers without a memory limit."),
    _array("images_unpinned", "Images without tag or digest, or with a tag that moves (latest)."),
    _array("image_releases", "Releases of official products and distributions that images are made of."),
    _array("tokens_mounted", "Pods that ask for a service account token in their containers."),
    _array("literal_secrets", "Environment variables of containers with a secret written out, never its value."),
)

# Settings of a pod that grant more than the default, and the value that does.
WEAK_SETTINGS = {
    "privileged": "true",
    "allowPrivilegeEscalation": "true",
    "hostNetwork": "true",
    "hostPID": "true",
    "hostIPC": "true",
    "runAsNonRoot": "false",
    "runAsUser": "0",
}

_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "podman.sock", "dockershim.sock")
_SENSITIVE_WORDS = """
/ /etc /root /home /boot /usr /var /proc /sys /dev /run /var/run /var/lib /var/log /var/lib/kubelet /var/lib/docker
/etc/kubernetes /etc/kubernetes/pki /var/lib/etcd /opt
"""
_SENSITIVE = frozenset(_SENSITIVE_WORDS.split())
# Capabilities that a baseline pod may add (Pod Security Standards, baseline, Capabilities).
_BASELINE_WORDS = """
AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT
"""
_BASELINE = frozenset(_BASELINE_WORDS.split())
# Each of these alone is the node, or every packet of it (capabilities(7)).
_WHOLE_WORDS = """
ALL SYS_ADMIN SYS_MODULE SYS_PTRACE SYS_RAWIO DAC_READ_SEARCH BPF SYS_BOOT MAC_ADMIN
"""
_WHOLE = frozenset(_WHOLE_WORDS.split())


def pod_facts(pod: Pod, out: Listing) -> None:
    """The facts of one pod."""
    _host(pod, out)
    _volumes(pod, out)
    out.holds("kubernetes.tokens_mounted")
    token = pod.spec.get("automountServiceAccountToken")
    if token is not None and out.is_true("kubernetes.tokens_mounted", token):
        out.add("kubernetes.tokens_mounted", token.line, name=pod.label)
    outer = pod.spec.get("securityContext")
    _unconfined(pod.label, "", outer, out)
    for name, container in pod.containers():
        inner = container.get("securityContext")
        _image(pod, name, container, out)
        _environment(pod, name, container, out)
        if is_templated_part(pod, inner, outer, out):
            continue
        _user(pod, name, container, out)
        _rights(pod, name, container, out)
        _capabilities(pod, name, container, out)
        _unconfined(pod.label, name, inner, out)
        _limits(pod, name, container, out)


def is_templated_part(pod: Pod, inner: Node | None, outer: Node | None, out: Listing) -> bool:
    """A security context that a template fills in as a whole settles nothing."""
    for node in (inner, outer):
        if node is not None and node.text is not None and is_templated(node.text):
            for fact in ("root_not_forbidden", "privileged", "privilege_escalation", "capabilities_added"):
                out.gap(
                    f"kubernetes.{fact}",
                    Why.TEMPLATED,
                    f"the securityContext of {pod.label} comes from a template",
                    node.line,
                )
            return True
    return False


def _host(pod: Pod, out: Listing) -> None:
    fact = "kubernetes.host_namespaces"
    out.holds(fact)
    for key in _HOST:
        node = pod.spec.get(key)
        if node is not None and out.is_true(fact, node):
            out.add(fact, node.line, name=pod.label, namespace=key)


def _volumes(pod: Pod, out: Listing) -> None:
    fact = "kubernetes.host_paths"
    out.holds(fact)
    for volume in pod.spec.entries("volumes"):
        path = volume.get("hostPath", "path")
        if path is None or path.text is None:
            continue
        if is_templated(path.text):
            out.gap(fact, Why.TEMPLATED, "a path of the node comes from a template", path.line)
        else:
            out.add(fact, path.line, name=pod.label, path=path.text, **{"class": _class_of(path.text)})


def _class_of(path: str) -> str:
    if path.rpartition("/")[2] in _SOCKETS:
        return "engine_socket"
    return "sensitive" if (path.rstrip("/") or "/") in _SENSITIVE else "other"


def _image(pod: Pod, name: str, container: Node, out: Listing) -> None:
    image = container.get("image")
    if image is not None and image.text:
        out.image(
            "kubernetes.images_unpinned",
            "kubernetes.image_releases",
            image.text,
            image.line,
            name=pod.label,
            container=name,
        )


def _setting(pod: Pod, container: Node, key: str) -> Node | None:
    """What holds for a container: its own setting, else that of its pod."""
    own = container.get("securityContext", key)
    return own if own is not None else pod.spec.get("securityContext", key)


def _user(pod: Pod, name: str, container: Node, out: Listing) -> None:
    fact, absent = "kubernetes.root_containers", "kubernetes.root_not_forbidden"
    out.holds(fact)
    user, non_root = _setting(pod, container, "runAsUser"), _setting(pod, container, "runAsNonRoot")
    for node in (user, non_root):
        if node is not None and node.text is not None and is_templated(node.text):
            out.gap(fact, Why.TEMPLATED, "a template decides on the user", node.line)
            return
    forbids = (non_root is not None and non_root.says("true")) or (user is not None and not user.says("0", ""))
    if user is not None and user.says("0"):
        out.add(fact, user.line, name=pod.label, container=name, setting="runAsUser: 0")
    elif non_root is not None and non_root.says("false") and not forbids:
        out.add(fact, non_root.line, name=pod.label, container=name, setting="runAsNonRoot: false")
    elif pod.whole and not _is_windows(pod):
        out.holds(absent)
        if not forbids:
            out.add(absent, container.line, name=pod.label, container=name)


def _is_windows(pod: Pod) -> bool:
    """Windows has no such users, capabilities or profiles (Pod Security Standards, "What about Windows Pods?")."""
    return pod.spec.word("os", "name") == "windows" or pod.spec.word("nodeSelector", "kubernetes.io/os") == "windows"


def _rights(pod: Pod, name: str, container: Node, out: Listing) -> None:
    privileged = container.get("securityContext", "privileged")
    out.holds("kubernetes.privileged")
    if privileged is not None and out.is_true("kubernetes.privileged", privileged):
        out.add("kubernetes.privileged", privileged.line, name=pod.label, container=name)
        return  # all that follows goes without saying
    fact = "kubernetes.privilege_escalation"
    escalation = container.get("securityContext", "allowPrivilegeEscalation")
    if escalation is not None and out.is_true(fact, escalation):
        out.add(fact, escalation.line, name=pod.label, container=name, setting="true")
    elif escalation is None and pod.whole and not _is_windows(pod):
        out.add(fact, container.line, name=pod.label, container=name, setting="absent")
    else:
        out.holds(fact)
    fact = "kubernetes.writable_root"
    root = container.get("securityContext", "readOnlyRootFilesystem")
    if pod.whole and (root is None or root.says("false")):
        out.add(fact, root.line if root is not None else container.line, name=pod.label, container=name)
    elif root is not None and root.says("true"):
        out.holds(fact)


def _capabilities(pod: Pod, name: str, container: Node, out: Listing) -> None:
    fact, kept = "kubernetes.capabilities_added", "kubernetes.capabilities_kept"
    out.holds(fact)
    for one in container.entries("securityContext", "capabilities", "add"):
        word = (one.text or "").upper().removeprefix("CAP_")
        if word and word not in _BASELINE:
            kind = "whole" if word in _WHOLE else "other"
            out.add(fact, one.line, name=pod.label, container=name, capability=word, **{"class": kind})
    if not pod.whole or _is_windows(pod) or container.get("securityContext", "privileged") is not None:
        return
    dropped = {(one.text or "").upper() for one in container.entries("securityContext", "capabilities", "drop")}
    out.holds(kept)
    if "ALL" not in dropped:
        out.add(kept, container.line, name=pod.label, container=name)


def _unconfined(label: str, container: str, context: Node | None, out: Listing) -> None:
    fact = "kubernetes.unconfined"
    out.holds(fact)
    for key in ("seccompProfile", "appArmorProfile"):
        kind = context.get(key, "type") if context is not None else None
        if kind is not None and kind.says("unconfined"):
            out.add(fact, kind.line, name=label, container=container, profile=key)


def _limits(pod: Pod, name: str, container: Node, out: Listing) -> None:
    fact = "kubernetes.without_memory_limit"
    resources = container.get("resources")
    if resources is not None and resources.text is not None and is_templated(resources.text):
        out.gap(fact, Why.TEMPLATED, "the resources come from a template", resources.line)
    elif container.get("resources", "limits", "memory") is not None:
        out.holds(fact)
    elif pod.whole:
        out.add(fact, container.line, name=pod.label, container=name)


def _environment(pod: Pod, name: str, container: Node, out: Listing) -> None:
    fact = "kubernetes.literal_secrets"
    for one in container.entries("env"):
        value = one.get("value")
        if value is None or value.text is None or not names_secret(one.word("name")):
            continue
        out.holds(fact)
        if is_written_out(value.text):
            out.add(fact, value.line, name=pod.label, container=name, variable=one.word("name"))
