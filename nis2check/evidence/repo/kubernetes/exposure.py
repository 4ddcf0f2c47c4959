# SPDX-License-Identifier: EUPL-1.2
"""What a cluster opens to its outside: services on the network of the nodes, and web entrances with or without TLS.

Live facts are given only where the object alone settles them: what a controller does by default, its own settings tell.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from nis2check.evidence.observe import Read
from nis2check.evidence.port_numbers import class_of
from nis2check.evidence.repo import container_images
from nis2check.evidence.repo.kubernetes.objects import Thing
from nis2check.evidence.repo.listing import Listing
from nis2check.evidence.repo.yaml_tree import Node, is_templated
from nis2check.model import FactSpec, Kind, Why

FACTS = (
    FactSpec("tls.accepted", "boolean", "", "The host has a TLS entry of its own."),
    FactSpec("tls.versions", "array", "", "Versions between the least and the most that the object sets."),
    FactSpec("http.https", "boolean", "", "The host has a TLS entry of its own."),
    FactSpec("http.plain_answers", "boolean", "", "The host is entered without TLS too."),
    FactSpec("http.redirects_to_https", "boolean", "", "The object redirects it to https on the same host."),
    FactSpec(
        "kubernetes.exposed_ports",
        "array",
        "",
        "Ports of services outside the cluster (LoadBalancer, NodePort, externalIPs): class of the container's port.",
    ),
    FactSpec(
        "kubernetes.ingress_without_tls", "array", "", "Hosts of entrances that no TLS entry of the object covers."
    ),
    FactSpec(
        "kubernetes.redirect_disabled", "array", "", "Entrances with TLS whose redirect to https is switched off."
    ),
    FactSpec("kubernetes.ingress_snippets", "array", "", "Entrances that put raw configuration into their controller."),
)

_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_WRITTEN = {
    "VersionTLS10": 0, "VersionTLS11": 1, "VersionTLS12": 2, "VersionTLS13": 3,
    "TLSV1_0": 0, "TLSV1_1": 1, "TLSV1_2": 2, "TLSV1_3": 3,
}  # fmt: skip
_NGINX = "nginx.ingress.kubernetes.io/"
_SNIPPETS = ("configuration-snippet", "server-snippet", "auth-snippet", "stream-snippet", "modsecurity-snippet")
# Where TLS ends before the object, or is switched on by other means than spec.tls.
_TLS_ELSEWHERE = re.compile(
    r"alb\.ingress\.kubernetes\.io/|networking\.gke\.io/managed-certificates|ingress\.gcp\.kubernetes\.io/pre-shared-cert"
    r"|traefik\.ingress\.kubernetes\.io/router\.tls|kubernetes\.digitalocean\.com/|appgw\.ingress\.kubernetes\.io/"
    r"|haproxy\.org/ssl-certificate"
)
# Load balancers inside a private network (vendors' own annotations).
_INTERNAL = re.compile(
    r"(?:aws-load-balancer-internal|azure-load-balancer-internal|openstack-internal-load-balancer|scw-loadbalancer-private"
    r"|alibaba-cloud-loadbalancer-address-type|oci-load-balancer-internal|load-balancer-type|aws-load-balancer-scheme)\Z"
)
# The addresses that a load balancer of one's own asks for (Cilium, MetalLB, kube-vip).
_ADDRESSES = re.compile(r"(?:lbipam\.cilium\.io/ips|io\.cilium/lb-ipam-ips|/load-?balancer-?ips)\Z", re.IGNORECASE)
_HOST = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\Z", re.IGNORECASE
)
_NOT_PUBLIC = re.compile(
    r"(?:\A|\.)(?:localhost|local|test|example|invalid|internal|lan|localdev\.me|nip\.io|sslip\.io)\Z", re.IGNORECASE
)
_ANYBODY = {"0.0.0.0/0", "::/0"}


def exposure_facts(thing: Thing, out: Listing) -> Iterator[Read]:
    """The facts of one object."""
    if thing.kind == "Service" and thing.api == "v1":
        _service(thing, out)
    elif thing.kind == "Ingress":
        yield from _ingress(thing, out)
    elif thing.kind == "Route" and thing.group == "route.openshift.io":
        yield from _route(thing, out)
    elif thing.kind == "Gateway" and thing.group == "gateway.networking.k8s.io":
        yield from _gateway(thing)
    elif thing.kind == "HTTPRoute" and thing.group == "gateway.networking.k8s.io":
        yield from _http_route(thing)
    elif thing.kind == "TLSOption" and thing.group in {"traefik.io", "traefik.containo.us"}:
        yield from _versions(thing.root.get("spec"), "minVersion", "maxVersion", "")
    elif thing.kind == "Gateway" and thing.group == "networking.istio.io":
        yield from _istio(thing)
    elif thing.kind == "ConfigMap":
        yield from _controller(thing)


def is_public(host: str) -> bool:
    """Whether a name is one that the Internet may resolve, and not of a workstation or a test."""
    return _HOST.match(host) is not None and _NOT_PUBLIC.search(host) is None


# ----------------------------------------------------------------------------------------------------------- services


def _service(thing: Thing, out: Listing) -> None:
    fact = "kubernetes.exposed_ports"
    spec = thing.root.get("spec")
    if spec is None:
        return
    kind = spec.word("type")
    if is_templated(kind):
        out.gap(fact, Why.TEMPLATED, f"the type of {thing.label} comes from a template", spec.line)
        return
    outside = kind in {"LoadBalancer", "NodePort"} or spec.entries("externalIPs")
    if not outside:
        return
    out.holds(fact)
    ranges = {one.text for one in spec.entries("loadBalancerSourceRanges")}
    if (kind == "LoadBalancer" and ranges and not ranges & _ANYBODY) or _is_internal(thing):
        return
    for port in spec.entries("ports"):
        number, target = port.word("port"), port.word("targetPort")
        if port.word("protocol") == "UDP" or not number.isascii() or not number.isdigit() or len(number) > 5:
            continue
        inner = target if target.isascii() and target.isdigit() and len(target) <= 5 else number
        ambiguous = container_images.COMMON_IN_CONTAINERS
        classes = [
            found for one in (inner, number) if (found := class_of(int(one))) != "other" and int(one) not in ambiguous
        ]
        out.add(
            fact, port.line, name=thing.label, type=kind or "externalIPs", port=int(number), target=int(inner),
            **{"class": classes[0] if classes else "other"},
        )  # fmt: skip


def _is_internal(thing: Thing) -> bool:
    notes = thing.annotations()
    if any(_INTERNAL.search(name) and node.says("true", "internal", "intranet") for name, node in notes.items()):
        return True
    spec = thing.root.get("spec")
    asked = [node.text or "" for name, node in notes.items() if _ADDRESSES.search(name)]
    asked += [spec.word("loadBalancerIP")] if spec is not None else []
    addresses = [word.strip() for words in asked for word in words.split(",") if word.strip()]
    return bool(addresses) and all(map(_is_private, addresses))


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


# ---------------------------------------------------------------------------------------------------------- entrances


def _secured(host: str, line: int) -> Iterator[Read]:
    subject = f"{host.lower()}:443"
    yield Read("tls.accepted", True, line, subject, Kind.TLS)
    yield Read("http.https", True, line, subject, Kind.HTTP)


def _redirected(host: str, line: int) -> Iterator[Read]:
    subject = f"{host.lower()}:443"
    yield Read("http.plain_answers", True, line, subject, Kind.HTTP)
    yield Read("http.redirects_to_https", True, line, subject, Kind.HTTP)


def _ingress(thing: Thing, out: Listing) -> Iterator[Read]:
    secured = {one.text or "": one for entry in thing.root.entries("spec", "tls") for one in entry.entries("hosts")}
    _without_tls(thing, out, secured)
    for suffix in _SNIPPETS:
        node = thing.annotation(_NGINX + suffix)
        if node is not None:
            out.add("kubernetes.ingress_snippets", node.line, name=thing.label, annotation=_NGINX + suffix)
    out.holds("kubernetes.ingress_snippets")
    off, force = thing.annotation(_NGINX + "ssl-redirect"), thing.annotation(_NGINX + "force-ssl-redirect")
    forced = force is not None and force.says("true")
    if off is not None and secured:
        out.holds("kubernetes.redirect_disabled")
        if off.says("false") and not forced:
            out.add("kubernetes.redirect_disabled", off.line, name=thing.label)
    for host, node in secured.items():
        if is_public(host):
            yield from _secured(host, node.line)
            redirect = force if forced else off
            if _is_nginx(thing) and redirect is not None and redirect.says("true"):
                yield from _redirected(host, redirect.line)


def _is_nginx(thing: Thing) -> bool:
    """The annotations of ingress-nginx mean something to it alone."""
    said = thing.root.word("spec", "ingressClassName") or (
        node.text or "" if (node := thing.annotation("kubernetes.io/ingress.class")) is not None else ""
    )
    return "nginx" in said


def _without_tls(thing: Thing, out: Listing, secured: dict[str, Node]) -> None:
    fact = "kubernetes.ingress_without_tls"
    if any(_TLS_ELSEWHERE.search(name) for name in thing.annotations()):
        return
    tls = thing.root.get("spec", "tls")
    whole = any(
        not entry.entries("hosts") for entry in thing.root.entries("spec", "tls")
    )  # a certificate for every host
    for rule in thing.root.entries("spec", "rules"):
        host = rule.get("host")
        if host is None or not host.text:
            continue
        if is_templated(host.text) or (tls is not None and tls.text is not None and is_templated(tls.text)):
            out.gap(fact, Why.TEMPLATED, f"the host or the tls of {thing.label} comes from a template", host.line)
            continue
        if not is_public(host.text):
            continue
        out.holds(fact)
        if not whole and not _covers(secured, host.text):
            out.add(fact, host.line, name=thing.label, host=host.text)


def _covers(secured: dict[str, Node], host: str) -> bool:
    return host in secured or f"*.{host.partition('.')[2]}" in secured


def _route(thing: Thing, out: Listing) -> Iterator[Read]:
    """https://docs.openshift.com: without ``tls`` a route is plain; ``Redirect`` and ``Allow`` say what port 80 does."""
    host, tls = thing.root.get("spec", "host"), thing.root.get("spec", "tls")
    if host is None or not host.text or not is_public(host.text):
        return
    out.holds("kubernetes.ingress_without_tls")
    if tls is None or tls.keys is None:
        out.add("kubernetes.ingress_without_tls", host.line, name=thing.label, host=host.text)
        return
    yield from _secured(host.text, host.line)
    policy = tls.get("insecureEdgeTerminationPolicy")
    if policy is not None and policy.says("redirect"):
        yield from _redirected(host.text, policy.line)
    elif policy is not None and policy.says("allow"):
        out.add("kubernetes.redirect_disabled", policy.line, name=thing.label)


def _gateway(thing: Thing) -> Iterator[Read]:
    for listener in thing.root.entries("spec", "listeners"):
        host = listener.get("hostname")
        secure = listener.word("protocol") == "HTTPS" and listener.word("port") == "443"
        if secure and host is not None and is_public(host.text or ""):
            yield from _secured(host.text or "", host.line)


def _http_route(thing: Thing) -> Iterator[Read]:
    """A route that only redirects to https hangs on the plain listener: on the other it would turn in circles."""
    rules = thing.root.entries("spec", "rules")
    if len(rules) != 1 or not _takes_all(rules[0]):
        return
    for found in rules[0].entries("filters"):
        redirect = found.get("requestRedirect")
        if found.word("type") != "RequestRedirect" or redirect is None or redirect.word("scheme") != "https":
            continue
        if redirect.get("hostname") is None and redirect.word("port") in {"", "443"}:
            for host in thing.root.entries("spec", "hostnames"):
                if is_public(host.text or ""):
                    yield from _redirected(host.text or "", redirect.line)


def _takes_all(rule: Node) -> bool:
    matches = rule.entries("matches")
    return not matches or any(set(one.keys or {}) == {"path"} and one.word("path", "value") == "/" for one in matches)


def _istio(thing: Thing) -> Iterator[Read]:
    for server in thing.root.entries("spec", "servers"):
        tls = server.get("tls")
        hosts = [(one.text or "").rpartition("/")[2] for one in server.entries("hosts")]
        for host in hosts:
            if tls is None or not is_public(host):
                continue
            if tls.word("mode") in {"SIMPLE", "MUTUAL"} and server.word("port", "number") == "443":
                yield from _secured(host, server.line)
                yield from _versions(tls, "minProtocolVersion", "maxProtocolVersion", f"{host.lower()}:443")
            elif tls.word("httpsRedirect").lower() == "true":
                yield from _redirected(host, tls.line)


def _controller(thing: Thing) -> Iterator[Read]:
    """``ssl-protocols`` of the ConfigMap of ingress-nginx: nginx's own words, for every host of the controller."""
    said = thing.root.get("data", "ssl-protocols")
    words = (said.text or "").split() if said is not None else []
    if said is not None and words and set(words) <= {"SSLv2", "SSLv3", *_VERSIONS}:
        yield Read("tls.accepted", True, said.line)
        yield Read("tls.versions", sorted(set(words)), said.line)


def _versions(node: Node | None, least: str, most: str, subject: str) -> Iterator[Read]:
    """The versions between two limits; only when the least is written, since its default depends on the release."""
    low = node.get(least) if node is not None else None
    if node is None or low is None or (low.text or "") not in _WRITTEN:
        return
    high = _WRITTEN.get(node.word(most), len(_VERSIONS) - 1)
    kind = Kind.TLS if subject else Kind.FILE
    yield Read("tls.accepted", True, low.line, subject, kind)
    yield Read("tls.versions", list(_VERSIONS[_WRITTEN[low.text or ""] : high + 1]), low.line, subject, kind)
