# SPDX-License-Identifier: EUPL-1.2
"""The words of nis2check. Values only: nothing here reads, looks, judges or prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Text = Mapping[str, str]  # {"fr": …, "en": …}; fr is always there
Json = Any  # a JSON value: None, bool, int, float, str, list, dict


class Verdict(StrEnum):
    """What a rule says of a target. The order is from worst to best: `worst()` relies on it."""

    FAIL = "fail"
    PARTIAL = "partial"  # attestations only
    UNKNOWN = "unknown"  # looked for, could not tell; never counts as pass
    TO_ATTEST = "to_attest"  # no machine can show it: a person must attach a proof
    PASS = "pass"  # noqa: S105 - a verdict
    NOT_APPLICABLE = "not_applicable"


class Proof(StrEnum):
    """How a verdict was shown, or can only be shown."""

    OBSERVED = "observed"
    DECLARED_FILES = "declared_files"
    ATTESTED = "attested"


class Category(StrEnum):
    ESSENTIAL = "essential"
    IMPORTANT = "important"
    OUT_OF_SCOPE = "out_of_scope"
    UNDECIDED = "undecided"


class Severity(StrEnum):
    """From worst to least: the order is used by `--fail-on` and by sorting."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for critical … 4 for info."""
        return list(Severity).index(self)


class Why(StrEnum):
    """Why a fact could not be had. A closed list: reports and rules name each."""

    TIMEOUT = "timeout"  # one answer did not come
    DEADLINE = "deadline"  # the target's whole time is spent
    REFUSED = "refused"  # TCP RST on connect, DNS REFUSED, or an explicit refusal
    RESET = "reset"
    CLOSED = "closed"  # the peer closed where an answer was due
    MALFORMED = "malformed"
    NOT_TLS = "not_tls"
    SERVFAIL = "servfail"
    UNRESOLVED = "unresolved"  # the name has no address, or the resolver does not answer
    RATE_LIMITED = "rate_limited"
    BLOCKED = "blocked"  # a WAF or an anti-robot page answered instead of the site
    LIMIT = "limit"  # a cap of ours: bytes, count, depth, CPU
    TEMPLATED = "templated"
    UNREADABLE = "unreadable"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_ASKED = "not_asked"
    OUR_BUG = "our_bug"


class Source(StrEnum):
    """Where a fact comes from."""

    PROBE = "probe"
    FILE = "file"
    DECLARED = "declared"

    @property
    def proof(self) -> Proof:
        return {"probe": Proof.OBSERVED, "file": Proof.DECLARED_FILES, "declared": Proof.ATTESTED}[self.value]


class Kind(StrEnum):
    """Kinds of target; `targets:` of a rule names one."""

    DNS = "dns"  # a domain; subject: the domain
    MAIL = "mail"  # a mail domain; subject: the domain
    TLS = "tls"  # subject: host:port
    HTTP = "http"  # a web site; subject: host:port of its https side (443 unless declared)
    PORTS = "ports"  # an address or host whose ports may be tried; subject: host:port, one fact a port
    FILE = "file"  # a file of a repository with no better subject; subject: its path
    BODY = "body"  # the body itself; subject: its SIREN


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file: path as reported (POSIX, relative, without ./) and line from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Target:
    """Something that may be looked at: declared by the body's file or on the command line, never discovered.

    ``name`` is the subject of the facts (see `Kind`). ``options`` holds what is kind-specific: ``starttls`` (tls),
    ``ports`` and ``engine`` (ports), ``path`` (http).
    """

    kind: Kind
    name: str
    location: Location | None = None
    options: Mapping[str, Json] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The host of a ``host:port`` name (brackets of an IPv6 literal removed), else the whole name."""
        return _host_and_port(self.name)[0]

    @property
    def port(self) -> int:
        """The port of a ``host:port`` name; 443 when it has none."""
        return _host_and_port(self.name)[1] or 443


def _host_and_port(name: str) -> tuple[str, int | None]:
    """``[2001:db8::1]:443`` and ``x.test:443`` have a port; ``2001:db8::1`` is a host whose last group is no port."""
    host, _, port = name.rpartition(":")
    if host and port.isdigit() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return name.strip("[]"), None


@dataclass(frozen=True, slots=True)
class FactSpec:
    """A fact that a probe or reader declares to make: a rule that names another is refused.

    ``type`` is a JSON Schema type name or a list of them; ``unit`` is free text ("days", "bytes", ""); ``meaning`` is
    one English sentence.
    """

    name: str
    type: str | tuple[str, ...]
    unit: str
    meaning: str


def _location(source: Source, where: str) -> Location | None:
    file, _, line = where.rpartition(":")
    return Location(file, int(line)) if source is not Source.PROBE and line.isdigit() else None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something seen, said without judging it: ``tls.versions`` of ``www.ville.example:443`` at ``192.0.2.1``."""

    name: str
    subject: str
    value: Json
    source: Source
    where: str  # probe: what was asked ("tls hello 1.2"); file: "path:line"; declared: "attestations.yaml:12"
    seen_at: str  # RFC 3339 with offset
    address: str | None = None  # None: true of the subject whatever its address

    def location(self) -> Location | None:
        """The file and line of a fact read in a file, or None."""
        return _location(self.source, self.where)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something looked for and not had, and why. ``name`` may end in ``.*`` for all the facts of that prefix.

    ``source`` and ``where`` are those of the fact that is missing: a certificate that a template hides in ``nginx.conf:12``
    says nothing of what the live server answers.
    """

    name: str
    subject: str
    why: Why
    detail: str = ""
    address: str | None = None
    source: Source = Source.PROBE
    where: str = ""

    def location(self) -> Location | None:
        """The file and line where a file would not tell, or None."""
        return _location(self.source, self.where)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen and not seen. ``targets`` says what was to be looked at, so that a replay needs no other file."""

    facts: tuple[Fact, ...]
    gaps: tuple[Gap, ...]
    targets: tuple[Target, ...] = ()
    complete: bool = True  # False: interrupted


@dataclass(frozen=True, slots=True)
class Reference:
    """A clause that a rule gives evidence for. ``strength``: full, partial or indicator (can fail it, never complete it)."""

    source: str  # anssi-tls, nis2, recyf, rfc9325…
    clause: str
    strength: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as loaded: data of a YAML file, its id from its path. Schemas are plain JSON Schema, ``$ref`` inlined."""

    id: str
    title: Text
    severity: Severity
    references: tuple[Reference, ...]
    targets: Kind
    expect: Mapping[str, Json]
    when: Mapping[str, Json]
    why: Text
    impact: Text
    limits: Text
    remediation: Text  # fr, en and product snippets (nginx, apache, postfix…)
    effort: int  # 1 to 3
    fix: str  # findings that share it are one action of the plan
    examples: Mapping[str, Json]
    location: Location
    unless: Mapping[str, Json] = field(default_factory=dict)  # any of them seen to hold: the rule does not apply


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted gap: a field beside the verdict, never a verdict. ``until`` is mandatory."""

    id: str
    rule: str
    target: str  # subject, or "*"
    reason: str
    author: str
    approver: str
    created: str
    until: str
    compensating: str = ""  # what reduces the risk meanwhile


def finding_id(rule: str, kind: str, name: str) -> str:
    """The id of a finding: of its rule and target, never of its wording, so that it follows a gap from run to run."""
    from hashlib import sha256  # 3 ms that --help need not pay

    return sha256(f"{rule}\n{kind}\n{name}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Offender:
    """A part of a file's fact that fails a rule. ``place`` is None when its reader noted no line for it; ``print`` is made
    of what the part says, so that it survives a shifted line and a reworded message."""

    fact: str
    place: Location | None
    print: str


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change touches: of each file the ranges of lines (from 1, both ends included), or None for the whole file."""

    base: str  # the revision as asked
    commit: str  # what the files are compared with
    lines: Mapping[str, tuple[tuple[int, int], ...] | None]

    def holds(self, place: Location) -> bool:
        """Whether the change touches this line."""
        if place.file not in self.lines:
            return False
        ranges = self.lines[place.file]
        return ranges is None or any(first <= place.line <= last for first, last in ranges)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule on one target. ``facts`` are those that decided, at the worst address."""

    id: str
    rule: str
    target: Target
    address: str | None
    verdict: Verdict
    severity: Severity
    proof: Proof
    reason: str  # one French sentence or a Why word with its detail; "" for a plain pass
    facts: Mapping[str, Json]
    location: Location | None
    references: tuple[Reference, ...]
    waiver: Waiver | None = None
    since: str = ""
    addresses: tuple[Mapping[str, Json], ...] = ()  # [{address, verdict, facts, reason}] when there are several
    offenders: tuple[Offender, ...] = ()  # of a ``fail`` read in files: the parts that fail


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that led to a category, with how sure we are of its text: A official, B secondary, C to confirm.

    ``met`` is None when a fact is missing to tell, False for a clause tried in vain on a body left out of scope.
    """

    clause: str
    text: Text
    confidence: str
    met: bool | None = True
    id: str = ""  # of the clause in its regime


@dataclass(frozen=True, slots=True)
class Body:
    """A public body as the law engine needs it. None means not known: never a default.

    Populations are inhabitants; ``vintage`` gives, per notion, the year in force of the figure.
    """

    name: str
    nature: str  # a code of DESIGN 8: CC, CA, COMMUNE…
    siren: str = ""
    insee: str = ""
    population: Mapping[str, int | None] = field(default_factory=dict)  # totale, municipale
    vintage: Mapping[str, str] = field(default_factory=dict)
    largest_commune: Mapping[str, int | None] = field(default_factory=dict)  # of a grouping, under both notions
    largest_commune_names: Mapping[str, str] = field(default_factory=dict)  # under both notions too
    largest_commune_vintage: Mapping[str, str] = field(default_factory=dict)
    departments: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)  # staff, turnover, balance_sheet, designated…
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a legal regime says of a body on a day."""

    body: Body
    regime: str
    as_of: str
    category: Category
    by_notion: Mapping[str, Category]
    because: tuple[Clause, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()
    legal_status: Mapping[str, str] = field(default_factory=dict)
