# SPDX-License-Identifier: EUPL-1.2
"""SPF: the syntax of RFC 7208 and the tree of look-ups, counted as its section 4.6.4 says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.evidence.net.mail import spf
from nis2check.evidence.observe import Unseen
from nis2check.model import Why


@pytest.mark.parametrize("text", ["v=spf1", "v=spf1 -all", "V=SPF1 ?all", "v=spf1 "])
def test_what_is_spf(text: str) -> None:
    assert spf.is_spf(text)


@pytest.mark.parametrize("text", ["", "v=spf10 -all", "v=spf1-all", " v=spf1 -all", "spf2.0/pra -all", "v=spf1\t-all"])
def test_what_is_not(text: str) -> None:
    assert not spf.is_spf(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=spf1 -all", "-all"),
        ("v=spf1 mx ~ALL", "~all"),
        ("v=spf1 ?all", "?all"),
        ("v=spf1 all", "+all"),
        ("v=spf1 +all", "+all"),
        ("v=spf1 mx", "none"),
        ("v=spf1", "none"),
        ("v=spf1 redirect=_spf.x.test", "redirect"),
        ("v=spf1 redirect=_spf.x.test -all", "-all"),
        ("v=spf1 ~all -all", "~all"),
    ],
)
def test_the_last_word(text: str, expected: str) -> None:
    record = spf.parse(text)
    assert (record.all, record.errors) == (expected, ())


@pytest.mark.parametrize(
    "term",
    [
        "a", "mx", "ptr", "a/24", "a//64", "mx/24//64", "a:x.test", "a:x.test/24", "mx:x.test//128", "A:X.Test", "ptr:x.test",
        "ip4:192.0.2.1", "ip4:192.0.2.0/24", "ip4:192.0.2.77/24", "ip6:2001:db8::1", "ip6:2001:db8::/32", "ip6:::1",
        "include:x.test", "include:_spf.x.test.", "exists:%{i}._spf.%{d}", "exists:%{ir}.%{v}.x.test", "-a", "~include:x.test",
        "exp=explain.x.test", "other=whatever/,x", "a:%{d2}", "include:%{d}._spf.x.test", "exists:%{l1r-}.x.test",
    ],
)  # fmt: skip
def test_good_terms(term: str) -> None:
    assert spf.parse(f"v=spf1 {term} -all").errors == ()


@pytest.mark.parametrize(
    "term",
    [
        "include", "include:", "include:localhost", "include:x..test", "include:x.123", "exists", "exists:x", "a:", "a/33",
        "a//129", "a/-1", "mx/x", "ip4", "ip4:", "ip4:192.0.2.256", "ip4:192.0.2.0/33", "ip4:192.0.2.0/",
        "ip4:192.0.2.0/255.0.0.0",
        "ip4:2001:db8::1", "ip6:192.0.2.1", "ip6:2001:db8::/129", "all:x.test", "foo", "foo:x.test", "ipv4:192.0.2.1", "--all",
        "redirect=", "redirect=x", "exp=", "include:%{q}.test", "include:%.test", "include:x.test/24",
    ],
)  # fmt: skip
def test_bad_terms(term: str) -> None:
    assert len(spf.parse(f"v=spf1 {term} -all").errors) == 1


@pytest.mark.parametrize("name", ["redirect", "exp"])
def test_modifiers_that_stand_twice(name: str) -> None:
    assert spf.parse(f"v=spf1 {name}=a.test {name}=b.test").errors == (f"{name}= twice",)


def test_terms_that_ask_dns_until_all() -> None:
    record = spf.parse(
        "v=spf1 ip4:192.0.2.1 a mx:m.test ptr exists:e.test include:i.test -all include:never.test redirect=r.test"
    )
    assert [(term.name, term.domain) for term in record.terms] == [
        ("a", ""), ("mx", "m.test"), ("ptr", ""), ("exists", "e.test"), ("include", "i.test"),
    ]  # fmt: skip


@given(st.text(max_size=400))
@settings(max_examples=400, deadline=None)
def test_any_text_ends_in_a_record(text: str) -> None:
    record = spf.parse(f"v=spf1 {text}")
    assert record.all in {"-all", "~all", "?all", "+all", "redirect", "none"}
    assert len(record.errors) <= spf.MOST_ERRORS


@given(
    st.lists(
        st.sampled_from(
            ["a", "mx", "include:", "x.test", "%{", "}", "%%", "/24", "//64", ":", "=", "+", "redirect=", " "]
        )
    )
)
@settings(max_examples=400, deadline=None)
def test_any_soup_of_terms_ends_in_a_record(words: list[str]) -> None:
    assert isinstance(spf.parse("v=spf1 " + "".join(words)), spf.Record)


# -------------------------------------------------------------------------------------------------------------- tree


def grow(
    records: Mapping[str, str | Unseen], start: str = "x.test", void: tuple[str, ...] = ()
) -> tuple[spf.Tree, list[str]]:
    """The tree of a set of SPF records, and the names whose TXT were asked."""
    asked: list[str] = []

    async def texts(name: str) -> tuple[str, ...]:
        asked.append(name)
        found = records.get(name, "")
        if isinstance(found, Unseen):
            raise found
        return tuple(found.split("|")) if found else ()

    async def is_void(name: str, kind: str) -> bool:
        asked.append(f"{kind} {name}")
        return name in void

    tree = spf.Tree(texts, is_void)
    first = records[start]
    assert isinstance(first, str)
    asyncio.run(tree.grow(start, spf.parse(first)))
    return tree, asked


def test_look_ups_are_counted_through_includes_and_redirects() -> None:
    tree, _asked = grow(
        {
            "x.test": "v=spf1 a mx include:a.test redirect=b.test",
            "a.test": "v=spf1 include:c.test ip4:192.0.2.1 ?all",
            "c.test": "v=spf1 a:h.test exists:%{i}.e.test ptr -all",
            "b.test": "v=spf1 mx -all",
        }
    )
    assert (tree.lookups, tree.errors, tree.open, tree.all) == (9, [], None, "-all")
    assert tree.nodes == [
        {"domain": "x.test", "depth": 0, "lookups": 4},
        {"domain": "a.test", "depth": 1, "lookups": 1},
        {"domain": "c.test", "depth": 2, "lookups": 3},
        {"domain": "b.test", "depth": 1, "lookups": 1},
    ]


def test_exactly_ten_look_ups_are_allowed() -> None:
    includes = {f"i{n}.test": "v=spf1 ip4:192.0.2.1 -all" for n in range(11)}
    for count, errors in ((10, []), (11, ["more than 10 DNS look-ups"])):
        first = "v=spf1 " + " ".join(f"include:i{n}.test" for n in range(count)) + " -all"
        tree, _asked = grow({"x.test": first} | includes)
        assert (tree.lookups, tree.errors) == (count, errors)


def test_one_record_reached_twice_counts_twice() -> None:
    tree, _asked = grow(
        {
            "x.test": "v=spf1 include:a.test include:b.test -all",
            "a.test": "v=spf1 include:c.test -all",
            "b.test": "v=spf1 include:c.test -all",
            "c.test": "v=spf1 a:h.test mx:h.test -all",
        }
    )
    assert tree.lookups == 8


def test_a_loop_is_named_and_ends() -> None:
    tree, asked = grow({"x.test": "v=spf1 include:a.test -all", "a.test": "v=spf1 include:X.test. -all"})
    assert tree.errors == ["SPF include loop at x.test"]
    assert asked == ["a.test"]


def test_a_tree_without_end_costs_twelve_queries() -> None:
    records = {"x.test": "v=spf1 " + " ".join(f"include:{c}.x.test" for c in "abcdefgh") + " -all"}

    class Endless(dict[str, str]):
        def get(self, key: str, _default: object = None) -> str:
            return "v=spf1 " + " ".join(f"include:{c}.{key}" for c in "abcdefgh") + " -all"

    tree, asked = grow(Endless(records))
    assert len(asked) < spf.MOST_QUERIES
    assert tree.errors == ["more than 10 DNS look-ups"]
    assert tree.open is not None


@pytest.mark.parametrize(
    ("included", "error"),
    [
        ("", "include a.test: no SPF record"),
        ("something else", "include a.test: no SPF record"),
        ("v=spf1 -all|v=spf1 +all", "include a.test: 2 SPF records"),
        ("v=spf1 foo -all", "a.test: unknown mechanism: foo"),
    ],
)
def test_what_is_wrong_below_is_wrong_above(included: str, error: str) -> None:
    tree, _asked = grow({"x.test": "v=spf1 include:a.test -all", "a.test": included})
    assert tree.errors == [error]


def test_silence_below_is_no_error_but_leaves_the_tree_open() -> None:
    tree, _asked = grow({"x.test": "v=spf1 include:a.test -all", "a.test": Unseen(Why.TIMEOUT, "no answer")})
    assert tree.errors == []
    assert tree.open is not None
    assert tree.open.why is Why.TIMEOUT


def test_a_macro_in_an_include_leaves_the_tree_open() -> None:
    tree, asked = grow({"x.test": "v=spf1 include:%{d}.spf.test -all"})
    assert (tree.lookups, asked) == (1, [])
    assert tree.open is not None
    assert tree.open.why is Why.TEMPLATED


def test_void_look_ups_need_both_families_to_be_absent() -> None:
    first = "v=spf1 a:v1.test a:v2.test mx:v3.test a:good.test -all"
    tree, asked = grow({"x.test": first}, void=("v1.test", "v2.test", "v3.test"))
    assert tree.errors == ["more than 2 void look-ups"]
    assert asked == ["A v1.test", "AAAA v1.test", "A v2.test", "AAAA v2.test", "MX v3.test", "A good.test"]
    tree, _asked = grow({"x.test": first}, void=("v1.test", "v2.test"))
    assert tree.errors == []


def test_redirect_is_ignored_beside_all() -> None:
    tree, asked = grow({"x.test": "v=spf1 -all redirect=a.test"})
    assert (tree.all, tree.lookups, asked) == ("-all", 0, [])
