# SPDX-License-Identifier: EUPL-1.2
"""DMARC: the syntax of a record, and the tree walk of RFC 9989 that finds the one in force."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.evidence.net.mail import dmarc
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

REJECT = "v=DMARC1; p=reject"


@pytest.mark.parametrize("text", ["v=DMARC1; p=none", "v=DMARC1", "v = DMARC1 ;p=none", "v=DMARC1;"])
def test_what_is_dmarc(text: str) -> None:
    assert dmarc.is_dmarc(text)


@pytest.mark.parametrize(
    "text", ["", "v=DMARC2; p=none", "p=none; v=DMARC1", " v=DMARC1", "v=dmarc1; p=none", "v=DMARC10"]
)
def test_what_is_not(text: str) -> None:
    assert not dmarc.is_dmarc(text)


@pytest.mark.parametrize(
    ("text", "policy", "errors"),
    [
        ("v=DMARC1; p=reject", "reject", ()),
        ("v=DMARC1; p = Quarantine ; rua=mailto:a@x.test", "quarantine", ()),
        ("v=DMARC1;p=none;sp=reject;np=reject;adkim=s;aspf=r;fo=1:d:s;t=n;psd=u;", "none", ()),
        ("v=DMARC1; p=reject; pct=50; ri=86400; rf=afrf", "reject", ()),
        ("v=DMARC1; p=reject; unknown=thing", "reject", ()),
        ("v=DMARC1; rua=mailto:a@x.test", "none", ("no p= tag",)),
        ("v=DMARC1; p=nonsense; rua=mailto:a@x.test", "none", ("bad value: p=nonsense",)),
        ("v=DMARC1; p=nonsense", "", ("bad value: p=nonsense",)),
        ("v=DMARC1", "", ("no p= tag",)),
        ("v=DMARC1; p=reject; pct=101", "reject", ("bad value: pct=101",)),
        ("v=DMARC1; p=reject; oops", "reject", ("not a tag:  oops",)),
        ("v=DMARC1; p=reject; rua=https://x.test/", "reject", ("rua: not a mail address: https://x.test/",)),
    ],
)
def test_records(text: str, policy: str, errors: tuple[str, ...]) -> None:
    record = dmarc.parse(text)
    assert (record.policy(subdomain=False, exists=True), record.errors, record.in_force) == (policy, errors, True)


def test_a_tag_that_stands_twice_voids_the_record() -> None:
    record = dmarc.parse("v=DMARC1; p=reject; p=none")
    assert (record.errors, record.in_force) == (("p= twice",), False)


def test_report_addresses() -> None:
    record = dmarc.parse("v=DMARC1; p=none; rua=mailto:a@x.test!10m, mailto:b@y.test ,ftp://z.test,,mailto:nobody")
    assert record.rua == ("a@x.test", "b@y.test")
    assert len(record.errors) == 3


def test_report_addresses_outside_the_domain() -> None:
    rua = ",".join(
        f"mailto:a@{host}" for host in ("x.test", "sub.x.test", "out.test", "OUT.test", "notx.test", "test.org")
    )
    assert dmarc.parse(f"v=DMARC1; p=none; rua={rua}").outside("x.test") == ["notx.test", "out.test", "test.org"]
    assert dmarc.parse("v=DMARC1; p=none; rua=mailto:a@x.test").outside("mail.x.test") == []


@pytest.mark.parametrize(
    ("tags", "exists", "policy"),
    [
        ("p=reject", True, "reject"),
        ("p=reject; sp=none", True, "none"),
        ("p=reject; sp=none; np=quarantine", True, "none"),
        ("p=reject; sp=none; np=quarantine", False, "quarantine"),
        ("p=reject; sp=none", False, "none"),
    ],
)
def test_the_policy_for_names_below(tags: str, exists: bool, policy: str) -> None:
    assert dmarc.parse(f"v=DMARC1; {tags}").policy(subdomain=True, exists=exists) == policy


@given(st.text(max_size=400))
@settings(max_examples=400, deadline=None)
def test_any_text_ends_in_a_record(text: str) -> None:
    record = dmarc.parse(f"v=DMARC1; {text}")
    assert record.policy(subdomain=False, exists=True) in {"", *dmarc.POLICIES}
    assert len(record.errors) <= dmarc.MOST_ERRORS


@given(
    st.lists(
        st.sampled_from(["p", "sp", "rua", "=", ";", " ", "none", "mailto:", "a@b.test", ",", "!", "9", "\t", "\x00"])
    )
)
@settings(max_examples=400, deadline=None)
def test_any_soup_of_tags_ends_in_a_record(words: list[str]) -> None:
    assert isinstance(dmarc.parse("v=DMARC1;" + "".join(words)), dmarc.Record)


# --------------------------------------------------------------------------------------------------------- tree walk


def discover(domain: str, records: Mapping[str, str | Unseen]) -> tuple[dmarc.Found, list[str]]:
    asked: list[str] = []

    async def texts(name: str) -> tuple[str, ...]:
        asked.append(name.removeprefix("_dmarc."))
        found = records.get(asked[-1], "")
        if isinstance(found, Unseen):
            raise found
        return tuple(found.split("|")) if found else ()

    return asyncio.run(dmarc.discover(domain, texts)), asked


def test_the_own_record_ends_the_walk() -> None:
    found, asked = discover("mail.ville.test", {"mail.ville.test": REJECT, "ville.test": "v=DMARC1; p=none"})
    assert (found.count, found.source, asked) == (1, "mail.ville.test", ["mail.ville.test"])


def test_the_shortest_name_with_a_record_is_the_organisation() -> None:
    records = {"b.ville.test": "v=DMARC1; p=none", "ville.test": REJECT}
    found, asked = discover("a.b.ville.test", records)
    assert (found.source, found.record and found.record.tags["p"]) == ("ville.test", "reject")
    assert asked == ["a.b.ville.test", "b.ville.test", "ville.test", "test"]


def test_psd_n_names_the_organisation_and_ends_the_walk() -> None:
    records = {"b.ville.test": "v=DMARC1; p=none; psd=n", "ville.test": REJECT}
    found, asked = discover("a.b.ville.test", records)
    assert (found.source, asked[-1]) == ("b.ville.test", "b.ville.test")


def test_below_psd_y_stands_the_organisation() -> None:
    records = {
        "gouv.test": "v=DMARC1; p=none; psd=y",
        "ville.gouv.test": REJECT,
        "a.ville.gouv.test": "v=DMARC1; p=none",
    }
    found, asked = discover("b.a.ville.gouv.test", records)
    assert (found.source, asked[-1]) == ("ville.gouv.test", "gouv.test")
    del records["ville.gouv.test"]
    found, _asked = discover("b.a.ville.gouv.test", records)
    assert found.source == "gouv.test"


def test_long_names_are_walked_in_eight_queries() -> None:
    _found, asked = discover("a.b.c.d.e.f.g.h.i.j.ville.test", {})
    assert asked[0] == "a.b.c.d.e.f.g.h.i.j.ville.test"
    assert asked[1] == "f.g.h.i.j.ville.test"
    assert len(asked) == dmarc.MOST_QUERIES


def test_no_record_is_proved_by_the_whole_walk() -> None:
    found, _asked = discover("ville.test", {"ville.test": "v=spf1 -all"})
    assert (found.count, found.record, found.errors) == (0, None, ("no DMARC record",))


def test_silence_on_the_way_is_no_absence() -> None:
    with pytest.raises(Unseen):
        discover("a.ville.test", {"ville.test": Unseen(Why.TIMEOUT, "")})


def test_a_top_level_domain_that_cannot_be_asked_is_left_out() -> None:
    found, _asked = discover("ville.test", {"test": Unseen(Why.REFUSED, "")})
    assert found.count == 0


def test_several_records_cancel_each_other() -> None:
    found, _asked = discover("ville.test", {"ville.test": f"{REJECT}|v=DMARC1; p=none"})
    assert (found.count, found.record, found.errors) == (2, None, ("2 DMARC records at ville.test",))


def test_a_void_record_leaves_the_one_above_in_force_and_is_said() -> None:
    found, _asked = discover("a.ville.test", {"a.ville.test": "v=DMARC1; p=reject; p=none", "ville.test": REJECT})
    assert (found.count, found.domain, found.source, found.errors) == (1, "a.ville.test", "ville.test", ("p= twice",))


def test_every_letter_may_stand_in_an_address_for_reports() -> None:
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+_-":
        record = dmarc.parse(f"v=DMARC1; p=none; rua=mailto:x{letter}x@kiosk.test")
        assert (record.errors, record.rua) == ((), (f"x{letter}x@kiosk.test",)), letter
    assert dmarc.parse("v=DMARC1; p=none; rua=mailto:é@x.test").errors
