# SPDX-License-Identifier: EUPL-1.2
"""Kubernetes manifests: each concern with a file that offends and one that does not, and what a file cannot settle."""

from __future__ import annotations

import base64

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import kubernetes
from nis2check.model import Json, Why

Facts = dict[str, Json]
Gaps = list[tuple[str, Why, int]]


def read(text: str, path: str = "k8s/app.yaml") -> tuple[Facts, Gaps]:
    found = list(kubernetes.read(path, text))
    facts = {one.name: one.value for one in found if isinstance(one, Read) and not one.subject}
    assert facts.keys() <= {spec.name for spec in kubernetes.FACTS}
    for one in found:
        if isinstance(one, Read) and isinstance(one.value, list) and one.value and isinstance(one.value[0], dict):
            assert one.line == one.value[0]["line"], "the fact stands at its first offender"
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


def live(text: str) -> dict[str, Json]:
    return {
        f"{one.name} {one.subject}": one.value
        for one in kubernetes.read("i.yaml", text)
        if isinstance(one, Read) and one.subject
    }


def deployment(container: str = "", pod: str = "", image: str = "x/app:1.2") -> str:
    """A whole Deployment; what is given is put into its container (line 13 on) or its pod."""
    inner = "".join(f"        {line}\n" for line in container.splitlines())
    outer = "".join(f"      {line}\n" for line in pod.splitlines())
    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec:\n  selector: {matchLabels: {a: b}}\n"
        f"  template:\n    metadata: {{}}\n    spec:\n{outer}      containers:\n"
        f"      - name: app\n        image: {image}\n{inner}"
    )


HARD = """securityContext:
  runAsNonRoot: true
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {limits: {memory: 1Gi}}
"""
ROLE = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"
    "rules:\n- {apiGroups: [%s], resources: [%s], verbs: [%s]}\n"
)
BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n"
    "roleRef: {kind: ClusterRole, name: %s}\nsubjects:\n- {kind: %s, name: '%s'}\n"
)
INSIDE = ", annotations: {a/openstack-internal-load-balancer: 'true'}"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s%s}\nspec:\n  type: %s\n  ports: [{port: %s}]\n"
NGINX = "nginx.ingress.kubernetes.io"
INGRESS = (
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\n  annotations: {%s}\n"
    "spec:\n  ingressClassName: nginx\n%s  rules:\n  - host: www.ville.fr\n"
)
TLS = "  tls:\n  - hosts: [www.ville.fr]\n    secretName: s\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n%s:\n  password: %s\n"
CHART = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n"
    "  source: {chart: redis, repoURL: '%s', targetRevision: '%s'}\n"
)
PASSWORD = base64.b64encode(b"S3cret-canary").decode()

# fact: (a file that offends, how many offenders, a file that holds the same and does not)
CASES: dict[str, tuple[str, int, str]] = {
    "privileged": (
        deployment("securityContext: {privileged: true}"),
        1,
        deployment("securityContext: {privileged: false}"),
    ),
    "host_namespaces": (deployment(pod="hostNetwork: true\nhostPID: true"), 2, deployment(pod="hostNetwork: false")),
    "host_paths": (
        deployment(pod="volumes: [{name: v, hostPath: {path: /etc}}]"),
        1,
        deployment(pod="volumes: [{name: v, emptyDir: {}}]"),
    ),
    "root_containers": (deployment("securityContext: {runAsUser: 0}"), 1, deployment(HARD)),
    "root_not_forbidden": (deployment(), 1, deployment(HARD)),
    "privilege_escalation": (deployment("securityContext: {allowPrivilegeEscalation: true}"), 1, deployment(HARD)),
    "capabilities_added": (
        deployment("securityContext: {capabilities: {add: [SYS_ADMIN, CHOWN]}}"),
        1,
        deployment(HARD),
    ),
    "capabilities_kept": (deployment(), 1, deployment(HARD)),
    "unconfined": (deployment(pod="securityContext: {seccompProfile: {type: Unconfined}}"), 1, deployment(HARD)),
    "writable_root": (deployment(), 1, deployment(HARD)),
    "without_memory_limit": (deployment(), 1, deployment(HARD)),
    "images_unpinned": (deployment(image="nginx"), 1, deployment(image="nginx:1.30.1")),
    "tokens_mounted": (
        deployment(pod="automountServiceAccountToken: true"),
        1,
        deployment(pod="automountServiceAccountToken: false"),
    ),
    "literal_secrets": (
        deployment("env: [{name: DB_PASSWORD, value: S3cret-canary}]"),
        1,
        deployment("env: [{name: DB_PASSWORD, value: $(OTHER)}]"),
    ),
    "exposed_ports": (SERVICE % ("", "LoadBalancer", 5432), 1, SERVICE % (INSIDE, "LoadBalancer", 5432)),
    "ingress_without_tls": (INGRESS % ("", ""), 1, INGRESS % ("", TLS)),
    "redirect_disabled": (
        INGRESS % ("nginx.ingress.kubernetes.io/ssl-redirect: 'false'", TLS),
        1,
        INGRESS % (f"{NGINX}/ssl-redirect: 'false', {NGINX}/force-ssl-redirect: 'true'", TLS),
    ),
    "ingress_snippets": (INGRESS % ("nginx.ingress.kubernetes.io/server-snippet: x", TLS), 1, INGRESS % ("", TLS)),
    "rbac_wildcards": (ROLE % ("'*'", "'*'", "'*'"), 1, ROLE % ("apps", "pods", "get, list")),
    "rbac_escalation": (ROLE % ("''", "users", "impersonate"), 1, ROLE % ("''", "users", "get")),
    "cluster_admins": (
        BINDING % ("cluster-admin", "ServiceAccount", "ci"),
        1,
        BINDING % ("cluster-admin", "Group", "system:masters"),
    ),
    "anonymous_bindings": (
        BINDING % ("view", "Group", "system:unauthenticated"),
        1,
        BINDING % ("system:discovery", "Group", "system:authenticated"),
    ),
    "namespaces_privileged": (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n  labels: {pod-security.kubernetes.io/enforce: privileged}\n",
        1,
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n  labels: {pod-security.kubernetes.io/enforce: baseline}\n",
    ),
    "network_policies_open": (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingress: [{}]}\n",
        1,
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingress: []}\n",
    ),
    "secrets_in_clear": (SECRET % ("data", PASSWORD), 1, SECRET % ("stringData", "CHANGE_ME")),
    "tls_verification_off": (
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: a}\nspec: {insecureSkipTLSVerify: true}\n",
        1,
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: a}\nspec: {insecureSkipTLSVerify: false}\n",
    ),
    "charts_unpinned": (CHART % ("https://charts.example", "*"), 1, CHART % ("https://charts.example", "19.1.2")),
    "removed_apis": ("apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\n", 1, deployment()),
}
NEVER_EMPTY = {"image_releases", "retired_components"}  # listed when known, never a promise that the rest is well


@pytest.mark.parametrize("name", CASES)
def test_each_concern(name: str) -> None:
    offends, count, right = CASES[name]
    facts, gaps = read(offends)
    assert gaps == []
    assert len(facts[f"kubernetes.{name}"]) == count
    facts, gaps = read(right)
    assert gaps == []
    assert facts[f"kubernetes.{name}"] == []


def test_every_fact_of_a_file_has_its_case() -> None:
    declared = {
        spec.name.removeprefix("kubernetes.") for spec in kubernetes.FACTS if spec.name.startswith("kubernetes.")
    }
    assert declared == CASES.keys() | NEVER_EMPTY


def test_a_file_without_such_objects_says_nothing() -> None:
    assert read("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n") == ({}, [])
    assert read("just text\n") == ({}, [])


def test_the_line_is_that_of_the_setting() -> None:
    facts, _gaps = read("# a comment\n---\n" + deployment("securityContext:\n  privileged: true"))
    assert facts["kubernetes.privileged"] == [{"name": "Deployment/web", "container": "app", "line": 15}]


@pytest.mark.parametrize(
    ("addresses", "shown"), [("192.168.1.20", False), ("10.0.0.4,fd00::4", False), ("8.8.8.8", True), ("${IP}", True)]
)
@pytest.mark.parametrize("key", ["lbipam.cilium.io/ips", "metallb.io/loadBalancerIPs"])
def test_a_load_balancer_that_asks_for_a_private_address_is_inside(key: str, addresses: str, shown: bool) -> None:
    text = (SERVICE % ("", "LoadBalancer", 5432)).replace(
        "{name: s}", f"{{name: s, annotations: {{{key}: '{addresses}'}}}}"
    )
    facts, _gaps = read(text)
    assert bool(facts["kubernetes.exposed_ports"]) is shown


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_classes_of_exposed_ports(kind: str) -> None:
    facts, _gaps = read(SERVICE % ("", kind, 3306))
    assert [one["class"] for one in facts["kubernetes.exposed_ports"]] == ["database"]
    facts, _gaps = read(SERVICE % ("", "ClusterIP", 3306))
    assert facts == {}, "inside the cluster"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/run/docker.sock", "engine_socket"), ("/", "sensitive"), ("/etc/", "sensitive"), ("/var/log/pods", "other")],
)
def test_classes_of_host_paths(path: str, kind: str) -> None:
    facts, _gaps = read(deployment(pod=f"volumes: [{{name: v, hostPath: {{path: {path}}}}}]"))
    assert [one["class"] for one in facts["kubernetes.host_paths"]] == [kind]


def test_a_patch_says_nothing_of_what_it_leaves_out() -> None:
    patch = deployment("securityContext: {runAsUser: 0}").replace("  selector: {matchLabels: {a: b}}\n", "")
    facts, _gaps = read(patch)
    assert len(facts["kubernetes.root_containers"]) == 1
    absent = {"root_not_forbidden", "without_memory_limit", "capabilities_kept", "writable_root"}
    assert not {f"kubernetes.{name}" for name in absent} & facts.keys()
    assert facts["kubernetes.privilege_escalation"] == []


def test_windows_has_no_such_users() -> None:
    facts, _gaps = read(deployment(pod="os: {name: windows}"))
    assert "kubernetes.root_not_forbidden" not in facts


def test_the_pod_speaks_for_its_containers() -> None:
    facts, _gaps = read(deployment(pod="securityContext: {runAsNonRoot: true}"))
    assert facts["kubernetes.root_not_forbidden"] == []


def test_retired_and_ended() -> None:
    facts, _gaps = read(deployment(image="registry.k8s.io/ingress-nginx/controller:v1.12.1@sha256:00"))
    assert [one["component"] for one in facts["kubernetes.retired_components"]] == ["ingress-nginx"]
    facts, _gaps = read(CHART % ("https://kubernetes.github.io/ingress-nginx/", "4.12.1"))
    assert len(facts["kubernetes.retired_components"]) == 1
    facts, _gaps = read(deployment(image="postgres:11.4"))
    assert [one["release"] for one in facts["kubernetes.image_releases"]] == ["postgres:11"]


@pytest.mark.parametrize(
    ("value", "part", "found"),
    [
        (PASSWORD, "data", True),
        ("S3cret-canary", "stringData", True),
        ("admin", "stringData", True),
        ("<path:vault#key>", "stringData", False),
        ("ENC[AES256_GCM,data:xx]", "stringData", False),
        ("''", "stringData", False),
        (base64.b64encode(b"changeme-please").decode(), "data", False),
    ],
)
def test_secrets(value: str, part: str, found: bool) -> None:
    facts, _gaps = read(SECRET % (part, value))
    assert bool(facts["kubernetes.secrets_in_clear"]) is found
    assert "canary" not in str(facts)


def test_examples_hold_no_secret() -> None:
    facts, _gaps = read(SECRET % ("stringData", "S3cret-canary"), "docs/k8s/secret.yaml")
    assert facts == {}


def test_a_port_that_any_container_uses_is_no_console() -> None:
    facts, _gaps = read(SERVICE % ("", "LoadBalancer", 9000))
    assert [one["class"] for one in facts["kubernetes.exposed_ports"]] == ["other"]


def test_a_secret_of_sops_is_encrypted() -> None:
    facts, _gaps = read(SECRET % ("stringData", "S3cret-canary") + "sops: {mac: x}\n")
    assert facts["kubernetes.secrets_in_clear"] == []


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (deployment("securityContext: {privileged: '${PRIVILEGED}'}"), "kubernetes.privileged"),
        (deployment(image="app:${TAG}"), "kubernetes.images_unpinned"),
        (SECRET % ("stringData", "'${PASSWORD}'"), "kubernetes.secrets_in_clear"),
        (SERVICE % ("", "'${TYPE}'", 80), "kubernetes.exposed_ports"),
        (deployment("resources: '${RESOURCES}'"), "kubernetes.without_memory_limit"),
        (deployment(pod="volumes: [{name: v, hostPath: {path: '${DATA}'}}]"), "kubernetes.host_paths"),
    ],
)
def test_what_a_variable_fills_in_is_a_gap(text: str, fact: str) -> None:
    facts, gaps = read(text)
    assert (fact, Why.TEMPLATED) in [(name, why) for name, why, _line in gaps]
    assert not facts.get(fact)


def test_helm_templates_are_left_to_helm() -> None:
    assert read(deployment(image='"{{ .Values.image }}"'), "chart/templates/web.yaml") == ({}, [])
    _facts, gaps = read(deployment(image='"{{ .Values.image }}"'), "other/web.yaml")
    assert gaps == [("kubernetes.images_unpinned", Why.TEMPLATED, 11)], "elsewhere the rest of the file stands"
    assert read("apiVersion: v1\n{{- if .x }}\nkind: Pod\n{{- end }}\n")[1] == [
        ("kubernetes.template", Why.TEMPLATED, 1)
    ]
    _facts, gaps = read(deployment(image="{{ image }}"), "other/web.yaml.j2")
    assert gaps == [("kubernetes.images_unpinned", Why.TEMPLATED, 11)], "bare braces are YAML too"


def test_broken_yaml_is_a_gap() -> None:
    _facts, gaps = read("apiVersion: v1\nkind: [\n")
    assert [(name, why) for name, why, _line in gaps] == [("kubernetes.*", Why.MALFORMED)]


def test_lists_and_many_documents() -> None:
    item = "".join(f"  {line}\n" for line in deployment("securityContext: {privileged: true}").splitlines())
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- "
        + item.lstrip()
        + "---\n"
        + deployment("securityContext: {privileged: true}")
    )
    facts, _gaps = read(text)
    assert len(facts["kubernetes.privileged"]) == 2


# -------------------------------------------------------------------------------------------------------------- live facts


def test_an_ingress_with_tls_is_a_live_fact() -> None:
    found = live(INGRESS % ("nginx.ingress.kubernetes.io/ssl-redirect: 'true'", TLS))
    assert found == {
        "tls.accepted www.ville.fr:443": True,
        "http.https www.ville.fr:443": True,
        "http.plain_answers www.ville.fr:443": True,
        "http.redirects_to_https www.ville.fr:443": True,
    }
    assert "http.redirects_to_https www.ville.fr:443" not in live(INGRESS % ("", TLS)), (
        "the controller's settings decide"
    )


@pytest.mark.parametrize("host", ["app.localhost", "site.test", "intranet.local", "'*.ville.fr'", "a.10.0.0.1.nip.io"])
def test_names_that_nobody_reaches(host: str) -> None:
    text = (INGRESS % ("", TLS)).replace("www.ville.fr", host)
    assert live(text) == {}
    facts, _gaps = read((INGRESS % ("", "")).replace("www.ville.fr", host))
    assert "kubernetes.ingress_without_tls" not in facts


@pytest.mark.parametrize(
    "annotation", ["alb.ingress.kubernetes.io/certificate-arn: x", "traefik.ingress.kubernetes.io/router.tls: 'true'"]
)
def test_tls_that_ends_elsewhere(annotation: str) -> None:
    facts, _gaps = read(INGRESS % (annotation, ""))
    assert "kubernetes.ingress_without_tls" not in facts


def test_a_wildcard_or_a_certificate_for_every_host_covers() -> None:
    for tls in ("  tls: [{hosts: ['*.ville.fr']}]\n", "  tls: [{secretName: s}]\n"):
        facts, _gaps = read(INGRESS % ("", tls))
        assert facts["kubernetes.ingress_without_tls"] == []


def test_a_route_of_openshift() -> None:
    text = "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: r}\nspec:\n  host: www.ville.fr\n%s"
    facts, _gaps = read(text % "")
    assert len(facts["kubernetes.ingress_without_tls"]) == 1
    found = live(text % "  tls: {termination: edge, insecureEdgeTerminationPolicy: Redirect}\n")
    assert found["http.redirects_to_https www.ville.fr:443"] is True


GATEWAY = (
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  listeners:\n"
    "  - {name: s, protocol: HTTPS, port: 443, hostname: www.ville.fr}\n"
)
REDIRECT = (
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  hostnames: [www.ville.fr]\n"
    "  rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https%s}}]}]\n"
)


def test_the_gateway_api() -> None:
    assert live(GATEWAY)["tls.accepted www.ville.fr:443"] is True
    assert live(REDIRECT % "")["http.redirects_to_https www.ville.fr:443"] is True
    assert live(REDIRECT % ", hostname: autre.fr") == {}


def test_versions_of_tls_that_an_object_sets() -> None:
    istio = (
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  servers:\n"
        "  - port: {number: 443}\n    hosts: [ns/www.ville.fr]\n    tls: {mode: SIMPLE, minProtocolVersion: TLSV1_1}\n"
    )
    assert live(istio)["tls.versions www.ville.fr:443"] == ["TLSv1.1", "TLSv1.2", "TLSv1.3"]
    option = "apiVersion: traefik.io/v1alpha1\nkind: TLSOption\nmetadata: {name: o}\nspec: {minVersion: VersionTLS12}\n"
    assert read(option)[0]["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    controller = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {ssl-protocols: TLSv1.1 TLSv1.2}\n"
    assert read(controller)[0]["tls.versions"] == ["TLSv1.1", "TLSv1.2"]


# --------------------------------------------------------------------------------------------------------------- any text


def test_aliases_do_not_multiply() -> None:
    bomb = "a0: &a0 {insecureSkipVerify: true}\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    facts, _gaps = read("apiVersion: v1\nkind: ConfigMap\n" + bomb)
    assert len(facts["kubernetes.tls_verification_off"]) == 1


def test_what_is_taken() -> None:
    assert kubernetes.matches("a/b.yaml", b"# x\napiVersion: v1\nkind: Pod\n")
    assert kubernetes.matches("b.yml", b"items:\n  - apiVersion: v1\n")
    assert not kubernetes.matches("a/b.yaml", b"version: 1\n")
    assert not kubernetes.matches("a/b.json", b"apiVersion: v1\n")
