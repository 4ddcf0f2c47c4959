# SPDX-License-Identifier: EUPL-1.2
"""Three-valued verdicts: what is not seen never passes, the worst address decides, files and probes are judged apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check.model import (
    Fact,
    Finding,
    Gap,
    Kind,
    Location,
    Proof,
    Reference,
    Rule,
    Severity,
    Source,
    Target,
    Verdict,
    Why,
)
from nis2check.rules.judge import judge, judge_examples

WWW = "www.ville.example:443"
TLS = Target(Kind.TLS, WWW, Location("nis2check.yaml", 12))


def a_rule(
    expect: Mapping[str, Any], when: Mapping[str, Any] | None = None, kind: Kind = Kind.TLS, **other: Any
) -> Rule:
    text = {"fr": "texte"}
    values: dict[str, Any] = {
        "id": "tls/versions",
        "title": text,
        "severity": Severity.HIGH,
        "references": (Reference("nis2", "21(2)(h)", "partial"),),
        "targets": kind,
        "expect": expect,
        "when": when or {},
        "why": text,
        "impact": text,
        "limits": text,
        "remediation": text,
        "effort": 1,
        "fix": "tls-profile",
        "examples": {},
        "location": Location("rule.yaml", 1),
    }
    return Rule(**(values | other))


VERSIONS = a_rule({"tls.versions": {"items": {"enum": ["TLSv1.2", "TLSv1.3"]}}}, when={"tls.accepted": {"const": True}})


def a_fact(name: str, value: Any, address: str | None = None, subject: str = WWW, **other: Any) -> Fact:
    values: dict[str, Any] = {"source": Source.PROBE, "where": "hello", "seen_at": "2026-11-22T09:00:00+01:00"}
    return Fact(name, subject, value, address=address, **(values | other))


def a_file_fact(name: str, value: Any, where: str, subject: str = WWW) -> Fact:
    return a_fact(name, value, subject=subject, source=Source.FILE, where=where)


def one(rule: Rule, *seen: Fact | Gap, target: Target = TLS) -> Finding:
    facts = [each for each in seen if isinstance(each, Fact)]
    gaps = [each for each in seen if isinstance(each, Gap)]
    (finding,) = judge([rule], [target], facts, gaps)
    return finding


def test_a_fact_that_satisfies_passes_with_the_facts_that_show_it() -> None:
    finding = one(VERSIONS, a_fact("tls.accepted", True), a_fact("tls.versions", ["TLSv1.3"]))

    assert (finding.verdict, finding.reason, finding.proof) == (Verdict.PASS, "", Proof.OBSERVED)
    assert finding.facts == {"tls.accepted": True, "tls.versions": ["TLSv1.3"]}
    assert finding.location == TLS.location


def test_a_fact_that_does_not_satisfy_fails_and_says_which_value_was_expected() -> None:
    rule = a_rule({"certificate.days_left": {"minimum": 15}})

    finding = one(rule, a_fact("certificate.days_left", 3))

    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "certificate.days_left = 3 (minimum: 15)")


@pytest.mark.parametrize("name", ["tls.versions", "tls.*"])
def test_a_gap_makes_it_unknown_with_its_reason(name: str) -> None:
    gap = Gap(name, WWW, Why.TIMEOUT, "no answer in 5 s")

    finding = one(VERSIONS, a_fact("tls.accepted", True), gap)

    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, "timeout: no answer in 5 s")


def test_an_absent_fact_is_unknown_never_pass() -> None:
    assert one(VERSIONS).reason == "not_asked: tls.accepted"
    assert one(VERSIONS, a_fact("tls.accepted", True)).reason == "not_asked: tls.versions"


def test_an_exception_counts_only_when_it_is_seen() -> None:
    rule = replace(VERSIONS, unless={"tls.opportunistic": {"const": True}})
    old = (a_fact("tls.accepted", True), a_fact("tls.versions", ["TLSv1"]))

    finding = one(rule, *old, a_fact("tls.opportunistic", True))

    assert (finding.verdict, finding.reason) == (Verdict.NOT_APPLICABLE, "unless tls.opportunistic = True")
    assert one(rule, *old, a_fact("tls.opportunistic", False)).verdict is Verdict.FAIL
    assert one(rule, *old).verdict is Verdict.FAIL
    assert one(rule, *old, Gap("tls.opportunistic", WWW, Why.TIMEOUT, "")).verdict is Verdict.FAIL
    assert one(rule, a_fact("tls.accepted", True)).verdict is Verdict.UNKNOWN


def test_a_condition_that_does_not_match_is_not_applicable_and_a_missing_one_unknown() -> None:
    assert one(VERSIONS, a_fact("tls.accepted", False)).verdict is Verdict.NOT_APPLICABLE
    assert one(VERSIONS, a_fact("tls.versions", ["TLSv1"])).verdict is Verdict.UNKNOWN


def test_one_failing_fact_fails_even_when_others_are_gaps() -> None:
    rule = a_rule({"certificate.trusted": {"const": True}, "certificate.days_left": {"minimum": 0}})

    finding = one(rule, a_fact("certificate.days_left", -2), Gap("certificate.trusted", WWW, Why.DEADLINE))

    assert finding.verdict is Verdict.FAIL


def test_a_gap_of_the_very_fact_beside_it_means_that_not_all_was_seen() -> None:
    gap = Gap("tls.versions", WWW, Why.RATE_LIMITED, "2 hellos left")

    good = one(VERSIONS, a_fact("tls.accepted", True), a_fact("tls.versions", ["TLSv1.3"]), gap)
    bad = one(VERSIONS, a_fact("tls.accepted", True), a_fact("tls.versions", ["TLSv1"]), gap)

    assert (good.verdict, bad.verdict) == (Verdict.UNKNOWN, Verdict.FAIL)


@pytest.mark.parametrize("value", [None, "30", True, [30]])
def test_a_value_of_another_type_is_unknown_although_json_schema_lets_it_pass(value: object) -> None:
    finding = one(a_rule({"certificate.days_left": {"minimum": 15}}), a_fact("certificate.days_left", value))

    assert finding.verdict is Verdict.UNKNOWN
    assert finding.reason.startswith("malformed: certificate.days_left = ")


def test_a_pattern_is_not_tried_on_a_huge_value() -> None:
    rule = a_rule({"http.server": {"not": {"pattern": "^.*[0-9].*$"}}})

    assert one(rule, a_fact("http.server", "x" * 9000)).reason == "limit: http.server > 8192 characters"
    assert one(rule, a_fact("http.server", "x" * 8000)).verdict is Verdict.PASS


# ---------------------------------------------------------------------------------------------------------- addresses


def test_the_worst_address_decides_and_all_are_shown() -> None:
    finding = one(
        VERSIONS,
        a_fact("tls.accepted", True, "192.0.2.1"),
        a_fact("tls.versions", ["TLSv1.3"], "192.0.2.1"),
        a_fact("tls.accepted", True, "2001:db8::1"),
        a_fact("tls.versions", ["TLSv1"], "2001:db8::1"),
        Gap("tls.*", WWW, Why.REFUSED, "", "192.0.2.9"),
    )

    assert (finding.verdict, finding.address) == (Verdict.FAIL, "2001:db8::1")
    assert finding.facts["tls.versions"] == ["TLSv1"]
    assert [(shown["address"], shown["verdict"]) for shown in finding.addresses] == [
        ("192.0.2.1", "pass"),
        ("192.0.2.9", "unknown"),
        ("2001:db8::1", "fail"),
    ]


def test_an_address_not_seen_weighs_more_than_one_that_passes() -> None:
    finding = one(
        VERSIONS,
        a_fact("tls.accepted", True, "192.0.2.1"),
        a_fact("tls.versions", ["TLSv1.3"], "192.0.2.1"),
        Gap("tls.*", WWW, Why.TIMEOUT, "", "2001:db8::1"),
    )

    assert (finding.verdict, finding.address, finding.reason) == (Verdict.UNKNOWN, "2001:db8::1", "timeout")


def test_a_family_of_addresses_that_could_not_be_resolved_leaves_it_unknown() -> None:
    finding = one(
        VERSIONS,
        a_fact("tls.accepted", True, "192.0.2.1"),
        a_fact("tls.versions", ["TLSv1.3"], "192.0.2.1"),
        Gap("tls.*", WWW, Why.SERVFAIL, "AAAA"),
    )

    assert (finding.verdict, finding.address, finding.reason) == (Verdict.UNKNOWN, None, "servfail: AAAA")


def test_a_fact_without_address_holds_for_every_address() -> None:
    rule = a_rule({"mail.starttls": {"const": True}}, when={"mail.null_mx": {"const": False}}, kind=Kind.MAIL)
    target = Target(Kind.MAIL, "ville.example")

    finding = one(
        rule,
        a_fact("mail.null_mx", False, subject="ville.example"),
        a_fact("mail.starttls", True, "192.0.2.1", "ville.example"),
        a_fact("mail.starttls", False, "192.0.2.2", "ville.example"),
        target=target,
    )

    assert (finding.verdict, finding.address, len(finding.addresses)) == (Verdict.FAIL, "192.0.2.2", 2)


# -------------------------------------------------------------------------------------------------------------- ports

DATABASE = a_rule(
    {"ports.state": {"enum": ["closed", "filtered"]}},
    when={"ports.number": {"enum": [3306, 5432]}},
    kind=Kind.PORTS,
    id="ports/database",
)
HOST = Target(Kind.PORTS, "www.ville.example", Location("nis2check.yaml", 20))


def a_port(host: str, number: int, state: str) -> list[Fact]:
    subject = f"{host}:{number}"
    return [a_fact("ports.number", number, subject=subject), a_fact("ports.state", state, subject=subject)]


def test_each_port_of_the_class_is_a_target_and_the_others_are_not() -> None:
    facts = [*a_port("www.ville.example", 5432, "closed"), *a_port("www.ville.example", 3306, "open")]
    facts += a_port("www.ville.example", 443, "open") + a_port("autre.example", 3306, "open")

    findings = judge([DATABASE], [HOST], facts, [])

    assert [(finding.target.name, finding.verdict) for finding in findings] == [
        ("www.ville.example:3306", Verdict.FAIL),
        ("www.ville.example:5432", Verdict.PASS),
    ]
    assert {finding.location for finding in findings} == {HOST.location}


def test_a_port_that_could_not_be_told_is_unknown_for_its_own_class_only() -> None:
    gaps = [Gap("ports.*", f"www.ville.example:{port}", Why.TIMEOUT) for port in (443, 3306)]

    findings = judge([DATABASE], [HOST], [], gaps)

    assert [(finding.target.name, finding.verdict) for finding in findings] == [
        ("www.ville.example:3306", Verdict.UNKNOWN)
    ]


def test_a_host_that_could_not_be_looked_at_is_unknown_as_a_whole() -> None:
    (gap,) = judge([DATABASE], [HOST], [], [Gap("ports.*", HOST.name, Why.UNRESOLVED, "NXDOMAIN")])
    (nothing,) = judge([DATABASE], [HOST], [], [])

    assert (gap.target, gap.verdict, gap.reason) == (HOST, Verdict.UNKNOWN, "unresolved: NXDOMAIN")
    assert nothing.verdict is Verdict.UNKNOWN


def test_an_ipv6_host_is_not_taken_for_a_host_and_port() -> None:
    target = Target(Kind.PORTS, "2001:db8::53")
    facts = [a_fact("ports.state", "open", subject="[2001:db8::53]:3306")]

    (finding,) = judge([DATABASE], [target], facts, [Gap("ports.*", "2001:db8::99", Why.TIMEOUT)])

    assert (finding.target.name, finding.verdict) == ("[2001:db8::53]:3306", Verdict.FAIL)


# -------------------------------------------------------------------------------------------------------------- files


def test_what_a_file_declares_is_another_finding_than_what_a_probe_sees() -> None:
    facts = [a_fact("tls.accepted", True), a_fact("tls.versions", ["TLSv1.3"])]
    facts += [a_file_fact("tls.accepted", True, "nginx.conf:9")]
    facts += [a_file_fact("tls.versions", ["TLSv1", "TLSv1.2"], "nginx.conf:12")]

    live, declared = judge([VERSIONS], [TLS], facts, [])

    assert (live.verdict, live.proof, live.location) == (Verdict.PASS, Proof.OBSERVED, TLS.location)
    assert (declared.verdict, declared.proof) == (Verdict.FAIL, Proof.DECLARED_FILES)
    assert declared.location == Location("nginx.conf", 12)
    assert (declared.target.kind, declared.target.name) == (Kind.TLS, WWW)
    assert live.id != declared.id


def test_a_file_without_better_subject_is_the_target() -> None:
    rule = a_rule({"secrets.committed": {"const": False}}, kind=Kind.FILE)
    fact = a_file_fact("secrets.committed", True, "keys/agents.key:1", subject="keys/agents.key")

    (finding,) = judge([rule], [], [fact], [])

    assert finding.target == Target(Kind.FILE, "keys/agents.key", Location("keys/agents.key", 1))
    assert finding.verdict is Verdict.FAIL


def test_a_file_is_judged_only_by_rules_that_expect_something_it_tells() -> None:
    groups = a_rule({"tls.groups": {"minItems": 1}}, when={"tls.accepted": {"const": True}}, id="tls/groups")

    findings = judge([VERSIONS, groups], [], [a_file_fact("tls.accepted", True, "nginx.conf:9")], [])

    assert findings == []


def test_one_bad_line_among_several_fails_at_that_line() -> None:
    facts = [a_file_fact("tls.accepted", True, "nginx.conf:9")]
    facts += [a_file_fact("tls.versions", ["TLSv1.3"], "nginx.conf:12")]
    facts += [a_file_fact("tls.versions", ["TLSv1"], "old.conf:4")]

    (finding,) = judge([VERSIONS], [], facts, [])

    assert (finding.verdict, finding.location) == (Verdict.FAIL, Location("old.conf", 4))
    assert finding.facts["tls.versions"] == ["TLSv1"]


def test_the_line_of_the_part_that_fails_is_given_when_the_reader_noted_it() -> None:
    rule = a_rule({"compose.published_ports": {"items": {"properties": {"class": {"const": "web"}}}}}, kind=Kind.FILE)
    ports = [{"class": "web", "line": 4, "note": "x" * 100}, {"class": "database", "line": 7, "note": "y" * 20}]
    fact = a_file_fact("compose.published_ports", ports, "compose.yml:4", subject="compose.yml")

    (finding,) = judge([rule], [], [fact], [])

    assert finding.location == Location("compose.yml", 7)
    assert finding.reason == 'compose.published_ports[1].class = "database" (const: "web")'


def test_a_template_in_a_file_leaves_the_file_unknown_and_the_live_server_alone() -> None:
    facts = [a_fact("tls.accepted", True), a_fact("tls.versions", ["TLSv1.3"])]
    facts += [a_file_fact("tls.accepted", True, "nginx.conf.j2:9")]
    gap = Gap("tls.versions", WWW, Why.TEMPLATED, "{{ versions }}", source=Source.FILE, where="nginx.conf.j2:12")

    live, declared = judge([VERSIONS], [TLS], facts, [gap])

    assert live.verdict is Verdict.PASS
    assert (declared.verdict, declared.reason) == (Verdict.UNKNOWN, "templated: {{ versions }}")
    assert declared.location == Location("nginx.conf.j2", 12)


def test_a_file_that_could_not_be_read_is_a_gap_and_not_one_finding_a_rule() -> None:
    gap = Gap("kubernetes.*", "pod.yaml", Why.MALFORMED, "not YAML: line 4", source=Source.FILE, where="pod.yaml:1")
    privileged = a_rule({"kubernetes.privileged": {"maxItems": 0}}, kind=Kind.FILE)

    assert judge([privileged], [], [], [gap]) == []
    offends = a_file_fact("kubernetes.privileged", ["web"], "pod.yaml:1", "pod.yaml")
    assert [one.verdict for one in judge([privileged], [], [offends], [gap])] == [Verdict.FAIL]


def test_a_rule_for_relays_does_not_speak_of_a_file_of_a_web_server() -> None:
    relays = a_rule(VERSIONS.expect, when={"tls.opportunistic": {"const": True}})
    facts = [a_file_fact("tls.versions", ["TLSv1"], "nginx.conf:9")]
    gap = Gap("tls.*", WWW, Why.TEMPLATED, source=Source.FILE, where="main.cf.j2:9")

    assert judge([relays], [], facts, []) == []
    (open_,) = judge([relays], [], facts, [gap])
    assert open_.verdict is Verdict.UNKNOWN


# --------------------------------------------------------------------------------------------------------- properties

_VALUES = {
    "tls.accepted": st.booleans(),
    "tls.versions": st.lists(st.sampled_from(["TLSv1", "TLSv1.2", "TLSv1.3"])),
    "tls.dh_bits": st.integers(512, 4096),
}
_FACTS = st.lists(
    st.sampled_from(sorted(_VALUES)).flatmap(
        lambda name: st.builds(
            a_fact, st.just(name), _VALUES[name], st.sampled_from([None, "192.0.2.1", "2001:db8::1"])
        )
    ),
    max_size=8,
)
_RULES = [
    VERSIONS,
    a_rule({"tls.versions": {"minItems": 1}, "tls.dh_bits": {"minimum": 2048}}, id="a"),
    a_rule({"tls.dh_bits": {"minimum": 2048}}, when={"tls.versions": {"contains": {"const": "TLSv1"}}}, id="b"),
]


@given(facts=_FACTS, data=st.data())
def test_turning_a_fact_into_a_gap_never_makes_a_verdict_pass(facts: list[Fact], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.integers(0, max(len(facts) - 1, 0))))
    kept = [fact for index, fact in enumerate(facts) if index not in lost]
    gaps = [
        Gap(fact.name, fact.subject, Why.TIMEOUT, "", fact.address) for index, fact in enumerate(facts) if index in lost
    ]

    before = {finding.rule: finding.verdict for finding in judge(_RULES, [TLS], facts, [])}
    after = {finding.rule: finding.verdict for finding in judge(_RULES, [TLS], kept, gaps)}

    for rule, verdict in after.items():
        assert verdict is not Verdict.PASS or before[rule] is Verdict.PASS


@given(facts=_FACTS)
def test_the_order_of_facts_changes_no_verdict(facts: list[Fact]) -> None:
    forward = [(finding.id, finding.verdict) for finding in judge(_RULES, [TLS], facts, [])]
    backward = [(finding.id, finding.verdict) for finding in judge(_RULES, [TLS], facts[::-1], [])]

    assert forward == backward


def test_examples_that_do_not_come_out_as_written_are_named() -> None:
    rule = a_rule({"tls.dh_bits": {"minimum": 2048}}, examples={"pass": [{"tls.dh_bits": 2048}, {"tls.dh_bits": 1024}]})

    assert judge_examples(rule) == [("pass", 1, Verdict.FAIL)]
