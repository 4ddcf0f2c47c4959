# SPDX-License-Identifier: EUPL-1.2
"""What a zone file says of the domain, and what it cannot know."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import zone
from nis2check.model import Json, Why

HEAD = """$ORIGIN ville.example.
$TTL 3600
@  IN SOA ns1 hostmaster 1 2 3 4 5
   IN NS  ns1
   IN NS  ns2.autre.example.
ns1 IN A  192.0.2.1
"""


def read(text: str, path: str = "zones/x.zone") -> tuple[dict[str, Json], dict[str, Why]]:
    found = list(zone.read(path, text))
    assert {one.subject for one in found} <= {"ville.example", ""}
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in zone.FACTS}
    return facts, {one.name: one.why for one in found if isinstance(one, Unread)}


def test_a_good_zone_with_its_lines() -> None:
    text = HEAD + (
        "@ IN MX 20 mail2\n"
        "@ IN MX 10 Mail1\n"
        'ville.example. IN TXT "v=spf1 mx " "-all" ; v=spf1\n'
        "; _dmarc IN TXT nothing\n"
        '_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:d@ville.example"\n'
        '@ IN CAA 0 issue "letsencrypt.org"\n'
        "mail1 IN A 192.0.2.2\n"
        '_mta-sts IN TXT "v=STSv1; id=1;"\n'
    )
    facts, gaps = read(text)
    assert facts == {
        "dns.exists": True,
        "dns.name_servers": ["ns1.ville.example", "ns2.autre.example"],
        "dns.caa": [{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}],
        "dns.caa_present": True,
        "mail.mx": ["mail1.ville.example", "mail2.ville.example"],
        "mail.null_mx": False,
        "mail.spf.records": 1,
        "mail.spf.record": "v=spf1 mx -all",
        "mail.spf.all": "-all",
        "mail.spf.valid": True,
        "mail.spf.lookups": 1,
        "mail.dmarc.records": 1,
        "mail.dmarc.record": "v=DMARC1; p=reject; rua=mailto:d@ville.example",
        "mail.dmarc.policy": "reject",
        "mail.dmarc.rua": True,
        "mail.dmarc.valid": True,
        "mail.mta_sts": True,
        "mail.tls_rpt": False,
    }
    assert gaps == {}
    lines = {one.name: one.line for one in zone.read("a.zone", text)}
    assert (lines["dns.name_servers"], lines["mail.mx"], lines["mail.spf.all"]) == (4, 7, 9)
    assert (lines["mail.dmarc.policy"], lines["dns.caa"]) == (11, 12)


def test_what_a_whole_zone_does_not_hold_is_absent() -> None:
    facts, gaps = read(HEAD)
    assert facts["mail.mx"] == facts["dns.caa"] == []
    assert facts["mail.spf.records"] == facts["mail.dmarc.records"] == 0
    assert (facts["mail.spf.all"], facts["mail.spf.valid"]) == ("none", False)
    assert gaps == {}


def test_null_mx() -> None:
    facts, _gaps = read(HEAD + "@ IN MX 0 .\n")
    assert (facts["mail.mx"], facts["mail.null_mx"]) == ([], True)


def test_two_spf_records_are_no_record() -> None:
    facts, _gaps = read(HEAD + '@ IN TXT "v=spf1 -all"\n@ IN TXT "v=spf1 ~all"\n')
    assert (facts["mail.spf.records"], facts["mail.spf.valid"]) == (2, False)
    assert "mail.spf.all" not in facts


def test_an_spf_tree_that_leaves_the_zone_is_open() -> None:
    facts, gaps = read(HEAD + '@ IN TXT "v=spf1 include:spf.autre.example -all"\n')
    assert facts["mail.spf.all"] == "-all"
    assert "mail.spf.valid" not in facts
    assert gaps["mail.spf.valid"] == gaps["mail.spf.lookups"] == Why.NOT_ASKED


def test_an_include_inside_the_zone_is_followed() -> None:
    facts, _gaps = read(
        HEAD + '@ IN TXT "v=spf1 include:_spf.ville.example -all"\n_spf IN TXT "v=spf1 a ~all"\n@ IN A 192.0.2.1\n'
    )
    assert (facts["mail.spf.lookups"], facts["mail.spf.valid"]) == (2, True)


def test_errors_stay_errors_whatever_lies_outside() -> None:
    facts, gaps = read(HEAD + '@ IN TXT "v=spf1 include:a.autre.example ip4:300.1.1.1 -all"\n')
    assert facts["mail.spf.valid"] is False
    assert gaps["mail.spf.lookups"] == Why.NOT_ASKED


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("$INCLUDE secret.zone\n", Why.UNREADABLE),
        ("_dmarc IN CNAME _dmarc.autre.example.\n", Why.NOT_ASKED),
        ("_dmarc IN NS ns.autre.example.\n", Why.NOT_ASKED),
        ("* IN TXT hello\n", Why.NOT_ASKED),
    ],
)
def test_a_zone_that_may_hold_more_gives_no_negative(more: str, why: Why) -> None:
    facts, gaps = read(HEAD + more)
    assert "mail.dmarc.records" not in facts
    assert gaps["mail.dmarc.*"] == why


def test_a_zone_below_another_may_inherit_its_policy() -> None:
    found = list(zone.read("a.zone", HEAD.replace("ville.example", "agents.ville.example")))
    gaps = {one.name: one.why for one in found if isinstance(one, Unread)}
    assert gaps["mail.dmarc.*"] == gaps["dns.caa_present"] == Why.NOT_ASKED


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.zone", "$ORIGIN example.\nville 3600 IN SOA ns1.ville h.ville 1 2 3 4 5\n"),
        ("db.anything", "ville.example. 3600 IN SOA ns1.ville.example. h.ville.example. 1 2 3 4 5\n"),
        ("db.ville.example", "$TTL 1h\n@ IN SOA ns1 h 1 2 3 4 5\n"),
        ("zones/ville.example.zone", "$TTL 1h\n@ IN SOA ns1 h (1\n 2 3 4 5)\n"),
        ("zones/Ville.Example", "$TTL 1h\n@ IN SOA ns1 h 1 2 3 4 5\n$ORIGIN sub.ville.example.\nx A 192.0.2.1\n"),
    ],
)
def test_the_name_of_a_zone(path: str, text: str) -> None:
    assert read(text, path)[0]["mail.mx"] == []


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("zones/internal", "$TTL 1h\n@ IN SOA ns1 h 1 2 3 4 5\n", Why.UNREADABLE),
        ("a.zone", HEAD + "@ IN MX ten mail\n", Why.MALFORMED),
        ("a.zone", HEAD.replace("192.0.2.1", "{{ address }}"), Why.TEMPLATED),
        ("a.zone", HEAD + "@ IN CNAME x\n", Why.MALFORMED),
    ],
)
def test_a_zone_that_cannot_be_read_is_one_gap(path: str, text: str, why: Why) -> None:
    (gap,) = zone.read(path, text)
    assert isinstance(gap, Unread)
    assert (gap.name, gap.why) == ("zone.*", why)


def test_a_fault_names_its_line() -> None:
    (gap,) = zone.read("a.zone", HEAD + "@ IN MX ten mail\n")
    assert gap.line == 7


def test_a_reverse_zone_says_nothing_of_a_domain() -> None:
    assert not list(zone.read("db.192.0.2", "$ORIGIN 2.0.192.in-addr.arpa.\n@ IN SOA a. b. 1 2 3 4 5\n1 PTR a.\n"))
