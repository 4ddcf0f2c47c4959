# SPDX-License-Identifier: EUPL-1.2
"""DMARC: the syntax of a record and the tree walk that finds the one in force (RFC 9989, which replaces RFC 7489)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from nis2check.evidence.observe import Unseen

MOST_QUERIES = 8  # RFC 9989 section 4.10: of one tree walk
MOST_ERRORS = 10
MOST_TAGS = 100

POLICIES = ("none", "quarantine", "reject")
_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(;|$)")
_TAG = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*?)[ \t]*", re.DOTALL)
# ASCII, else the case folding of Unicode takes i, k and s for members of a range that holds ı, K and ſ
_MAIL_URI = re.compile(
    r"mailto:[^\s,;!@\x00-\x20\x7f-\uffff]+@[A-Za-z0-9.\-]+\.[A-Za-z0-9\-]+(![0-9]{1,18}[kmgt]?)?",
    re.IGNORECASE | re.ASCII,
)
# pct, rf and ri are gone from RFC 9989; receivers of RFC 7489 still read them
_VALUES: Mapping[str, re.Pattern[str]] = {
    "p": re.compile("none|quarantine|reject", re.IGNORECASE),
    "sp": re.compile("none|quarantine|reject", re.IGNORECASE),
    "np": re.compile("none|quarantine|reject", re.IGNORECASE),
    "adkim": re.compile("[rs]", re.IGNORECASE),
    "aspf": re.compile("[rs]", re.IGNORECASE),
    "psd": re.compile("[ynu]", re.IGNORECASE),
    "t": re.compile("[yn]", re.IGNORECASE),
    "fo": re.compile("[01ds](:[01ds])*", re.IGNORECASE),
    "pct": re.compile("100|[0-9]{1,2}"),
    "ri": re.compile("[0-9]{1,10}"),
    "rf": re.compile("afrf|iodef", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its tags in lower case (values of policies too), the good report addresses, what is wrong with it."""

    tags: Mapping[str, str]
    rua: tuple[str, ...]  # mail addresses
    errors: tuple[str, ...]
    in_force: bool = True  # False: a tag stands twice, and then the whole list is void (RFC 6376 section 3.2)

    def policy(self, *, subdomain: bool, exists: bool) -> str:
        """The policy for the domain of the record, or for a name below it; "" when the record asks nothing.

        RFC 9989 section 4.7: without a valid policy a record with report addresses means ``none``, one without means nothing.
        """
        order = ("p",) if not subdomain else ("sp", "p") if exists else ("np", "sp", "p")
        for tag in order:
            if tag in self.tags and _VALUES[tag].fullmatch(self.tags[tag]):
                return self.tags[tag].lower()
        return "none" if self.rua else ""

    def outside(self, domain: str) -> list[str]:
        """Hosts of report addresses that are neither at, above nor below a domain, sorted: they must authorise it."""
        hosts = {address.rpartition("@")[2].lower() for address in self.rua}
        near = f".{domain}"
        return sorted(host for host in hosts if not f".{host}".endswith(near) and not near.endswith(f".{host}"))


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a DMARC record: the version, exact in case, comes first."""
    return _VERSION.match(text) is not None


def parse(text: str) -> Record:
    """Read a record that `is_dmarc`. Never raises."""
    tags: dict[str, str] = {}
    errors: list[str] = []
    twice = False
    parts = text.split(";")
    if len(parts) > MOST_TAGS:
        errors.append(f"more than {MOST_TAGS} tags")
    for part in parts[:MOST_TAGS]:
        if not part.strip(" \t"):
            continue
        found = _TAG.fullmatch(part)
        if not found:
            errors.append(f"not a tag: {part:.60}")
        elif (name := found[1].lower()) in tags:
            twice = True
            errors.append(f"{name}= twice")
        else:
            tags[name] = found[2]
            if name in _VALUES and not _VALUES[name].fullmatch(found[2]):
                errors.append(f"bad value: {part.strip():.60}")
    rua, bad = _addresses(tags.get("rua", ""))
    errors += [f"rua: not a mail address: {uri:.60}" for uri in bad]
    if "p" not in tags:
        errors.append("no p= tag")
    return Record(tags, tuple(rua), tuple(dict.fromkeys(errors[:MOST_ERRORS])), not twice)


def _addresses(text: str) -> tuple[list[str], list[str]]:
    """(mail addresses, what is none) of a rua tag. A size after "!" is RFC 7489's, and dropped."""
    uris = [uri.strip(" \t") for uri in text.split(",")[:20]] if text else []
    good = [uri[7:].partition("!")[0] for uri in uris if _MAIL_URI.fullmatch(uri)]
    return good, [uri for uri in uris if not _MAIL_URI.fullmatch(uri)]


# --------------------------------------------------------------------------------------------------------- tree walk


@dataclass(frozen=True, slots=True)
class Found:
    """What the walk found. ``count`` is the number of records at ``domain``, the closest name that has any, else 0.

    ``record`` is the one in force, from ``source``; None when there is none. ``errors`` say why the closest is not in force.
    """

    count: int
    domain: str
    text: str = ""
    record: Record | None = None
    source: str = ""
    errors: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    start: str
    count: int = 0
    domain: str = ""
    text: str = ""
    errors: tuple[str, ...] = ()
    valid: dict[str, tuple[str, Record]] = field(default_factory=dict)


def _targets(domain: str) -> list[str]:
    """The names of a walk: the domain, then its parents, jumping to seven labels when it has eight or more."""
    labels = domain.split(".")
    targets = [domain]
    labels = labels[1:] if len(labels) < MOST_QUERIES else labels[-(MOST_QUERIES - 1) :]
    while labels:
        targets.append(".".join(labels))
        labels = labels[1:]
    return targets


async def discover(domain: str, texts: Callable[[str], Awaitable[tuple[str, ...]]]) -> Found:
    """Policy discovery of RFC 9989 section 4.10.1. ``texts`` gives the TXT records of a name and raises Unseen."""
    walk = _Walk(domain)
    for target in _targets(domain):
        try:
            found = [text for text in await texts(f"_dmarc.{target}") if is_dmarc(text)]
        except Unseen:
            if "." in target:
                raise
            break  # a top-level domain that cannot be asked (the resolver of a lab) speaks for no body
        if len(found) == 1 and _step(walk, target, found[0]):
            break
        if len(found) > 1 and not walk.count:  # several are as good as none
            walk.count, walk.domain, walk.text = len(found), target, found[0]
            walk.errors = (f"{len(found)} DMARC records at {target}",)
    source = domain if domain in walk.valid else _organisation(walk)
    if source not in walk.valid:
        return Found(walk.count, walk.domain, walk.text, errors=walk.errors or ("no DMARC record",))
    text, record = walk.valid[source]
    # what is broken closer to the domain is what its owner must mend
    return Found(
        walk.count, walk.domain, walk.text if walk.errors else text, record, source, walk.errors or record.errors
    )


def _step(walk: _Walk, target: str, text: str) -> bool:
    """Keep the one record of a name; whether it ends the walk: the domain's own is the one in force, and psd ends any walk."""
    record = parse(text)
    if not walk.count:
        walk.count, walk.domain, walk.text = 1, target, text
        walk.errors = () if record.in_force else record.errors
    if not record.in_force:
        return False
    walk.valid[target] = (text, record)
    return target == walk.start or record.tags.get("psd", "u").lower() in {"y", "n"}


def _organisation(walk: _Walk) -> str:
    """The name whose record speaks for a domain that has none (RFC 9989 section 4.10.2): that of the organisation, which is
    named by psd=n, or stands one label below psd=y, or is the shortest with a record. A public suffix (psd=y) speaks when
    the organisation below it says nothing."""
    for target, (_text, record) in walk.valid.items():
        psd = record.tags.get("psd", "u").lower()
        if psd == "n":
            return target
        if psd == "y":
            organisation = _one_label_below(target, walk.start)
            return organisation if organisation in walk.valid else target
    return min(walk.valid, key=lambda target: target.count("."), default="")


def _one_label_below(suffix: str, domain: str) -> str:
    return ".".join(domain.split(".")[-suffix.count(".") - 2 :])
