# SPDX-License-Identifier: EUPL-1.2
"""One verdict per rule and target, from facts and gaps alone. Pure: no clock, no disk, no console.

Three values, never two: what was not seen is ``unknown`` with the reason of the look, and can only become worse, never
``pass``. Facts of one target are judged address by address, and what a file declares apart from what a probe saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nis2check.model import (
    Fact,
    Finding,
    Gap,
    Json,
    Kind,
    Location,
    Offender,
    Rule,
    Source,
    Target,
    Verdict,
    finding_id,
)
from nis2check.rules.answer import Answer, Assertion, ask, compile_all, covers, weakest
from nis2check.rules.offenders import offenders

_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE)


def judge(
    rules: Sequence[Rule], targets: Sequence[Target], facts: Iterable[Fact], gaps: Iterable[Gap]
) -> list[Finding]:
    """The findings of every rule, in the order of rules, then of targets, then of files.

    A rule speaks of each declared target of its kind, seen or not, and of each file or declaration that holds a fact it
    expects. Ports: one finding per ``host:port``, and none for a port that the rule does not speak of.
    """
    seen = _Seen.of(facts, gaps)
    kinds = {target.kind for target in targets}
    declared = seen.declared()
    findings: list[Finding] = []
    for rule in rules:
        if rule.targets not in kinds and not declared.names(rule.expect):
            continue  # of hundreds of rules, a repository concerns a few: the others need not be compiled
        compiled = _compile(rule)
        for target in targets:
            if target.kind is rule.targets:
                findings += _live(compiled, target, seen)
        findings += _declared(compiled, seen)
    return findings


def judge_examples(rule: Rule) -> list[tuple[str, int, Verdict]]:
    """The examples of a rule that do not come out as written: (expected verdict, index, verdict found)."""
    compiled = _compile(rule)
    wrong: list[tuple[str, int, Verdict]] = []
    for expected, examples in rule.examples.items():
        for index, example in enumerate(examples):
            facts = {name: [Fact(name, "", value, Source.PROBE, "", "")] for name, value in example.items()}
            found = _outcome(compiled, None, facts, ()).verdict
            if found != expected:
                wrong.append((expected, index, found))
    return wrong


# ------------------------------------------------------------------------------------------------------- what is seen


@dataclass(slots=True)
class _Subject:
    """All that is known of one subject by one source."""

    facts: dict[str, list[Fact]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def speaks_of(self, names: Iterable[str]) -> bool:
        return any(name in self.facts or any(covers(gap, name) for gap in self.gaps) for name in names)

    def names(self, names: Iterable[str]) -> bool:
        """Whether a fact or a gap of exactly one of these names is here.

        A file that nobody could read (`kubernetes.*`) is said once, as a gap: not once for each rule that might have
        spoken of it, in a file that perhaps holds nothing of the kind.
        """
        return any(name in self.facts or any(gap.name == name for gap in self.gaps) for name in names)

    def add(self, other: _Subject) -> None:
        """All that another says, with one gap a name: enough to ask whether anything speaks of a fact."""
        self.facts |= other.facts
        named = {gap.name: gap for gap in (*self.gaps, *other.gaps)}
        self.gaps = list(named.values())


_NOTHING = _Subject()


@dataclass(slots=True)
class _Seen:
    """Facts and gaps by source and subject; the subjects ``host:port`` of the ports probe also by host."""

    subjects: dict[tuple[Source, str], _Subject]
    ports: dict[str, list[str]]

    @classmethod
    def of(cls, facts: Iterable[Fact], gaps: Iterable[Gap]) -> _Seen:
        subjects: dict[tuple[Source, str], _Subject] = {}
        ports: dict[str, dict[str, None]] = {}
        for fact in facts:
            subject = subjects.setdefault((fact.source, fact.subject), _Subject())
            subject.facts.setdefault(fact.name, []).append(fact)
            _note_port(ports, fact)
        for gap in gaps:
            subjects.setdefault((gap.source, gap.subject), _Subject()).gaps.append(gap)
            _note_port(ports, gap)
        return cls(subjects, {host: sorted(found, key=_by_port) for host, found in ports.items()})

    def declared(self) -> _Subject:
        """What files and declarations say, of all subjects together."""
        whole = _Subject()
        for (source, _name), subject in self.subjects.items():
            if source is not Source.PROBE:
                whole.add(subject)
        return whole


def _note_port(ports: dict[str, dict[str, None]], seen: Fact | Gap) -> None:
    host, _colon, port = seen.subject.rpartition(":")
    bare = host.startswith("[") or ":" not in host  # 2001:db8::53 is a host; [2001:db8::1]:53 a port of one
    if seen.source is Source.PROBE and seen.name.startswith("ports.") and host and bare and port.isdigit():
        ports.setdefault(host.strip("[]"), {})[seen.subject] = None


def _by_port(subject: str) -> int:
    return int(subject.rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    when: tuple[Assertion, ...]
    unless: tuple[Assertion, ...]
    expect: tuple[Assertion, ...]
    names: tuple[str, ...]


def _compile(rule: Rule) -> _Compiled:
    names = tuple(dict.fromkeys([*rule.when, *rule.unless, *rule.expect]))
    return _Compiled(rule, compile_all(rule.when), compile_all(rule.unless), compile_all(rule.expect), names)


# ----------------------------------------------------------------------------------------------------------- verdicts


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The verdict at one address."""

    address: str | None
    verdict: Verdict
    reason: str
    facts: Mapping[str, Json]
    location: Location | None
    offenders: tuple[Offender, ...] = ()


def _outcome(
    compiled: _Compiled, address: str | None, facts: Mapping[str, Sequence[Fact]], gaps: Sequence[Gap]
) -> _Outcome:
    """`when` first (one clear no settles it), `unless` (one clear yes does), `expect` (one clear no), then what is missing.

    What is not known of `unless` is no exception: the rule is judged.
    """
    used = {name: facts[name][0].value for name in compiled.names if facts.get(name)}

    def give(verdict: Verdict, answer: Answer | None) -> _Outcome:
        if answer and answer.fact:
            used[answer.fact.name] = answer.fact.value
        place = answer.place if answer else None
        first = next((facts[name][0] for name in compiled.rule.expect if facts.get(name)), None)
        place = place or (first.location() if first else None)
        failing = offenders(compiled.expect, facts) if verdict is Verdict.FAIL else ()
        return _Outcome(address, verdict, answer.words if answer else "", used, place, failing)

    stop = weakest(ask(one, facts.get(one.name, ()), gaps, wanted=True) for one in compiled.when)
    if stop:
        return give(Verdict.NOT_APPLICABLE if stop.holds is False else Verdict.UNKNOWN, stop)
    for one in compiled.unless:
        said = ask(one, facts.get(one.name, ()), gaps, wanted=True)
        if said.holds and said.fact:
            return give(Verdict.NOT_APPLICABLE, replace(said, words=f"unless {one.name} = {said.fact.value}"))
    stop = weakest(ask(one, facts.get(one.name, ()), gaps, wanted=False) for one in compiled.expect)
    if stop:
        return give(Verdict.FAIL if stop.holds is False else Verdict.UNKNOWN, stop)
    return give(Verdict.PASS, None)


def _outcomes(compiled: _Compiled, subject: _Subject) -> list[_Outcome]:
    """One outcome per address, or a single one without address. What has no address is true of all of them."""
    facts = {name: subject.facts[name] for name in compiled.names if name in subject.facts}
    gaps = [gap for gap in subject.gaps if any(covers(gap, name) for name in compiled.names)]
    addresses = {fact.address for found in facts.values() for fact in found} | {gap.address for gap in gaps}
    if addresses <= {None}:
        return [_outcome(compiled, None, facts, gaps)]
    places: list[str | None] = [*sorted(address for address in addresses if address is not None)]
    nowhere = {name: kept for name, found in facts.items() if (kept := [f for f in found if f.address is None])}
    if any(
        gap.address is None and covers(gap, one) for gap in gaps for one in compiled.rule.expect if one not in nowhere
    ):
        places.append(None)  # something without address was not seen, though other addresses were
    out: list[_Outcome] = []
    for place in places:
        here = {
            name: kept for name, found in facts.items() if (kept := [f for f in found if f.address in (place, None)])
        }
        out.append(_outcome(compiled, place, here, [gap for gap in gaps if gap.address in (place, None)]))
    return out


def _finding(compiled: _Compiled, target: Target, source: Source, subject: _Subject) -> Finding:
    rule = compiled.rule
    outcomes = _outcomes(compiled, subject)
    worst = min(outcomes, key=lambda outcome: _WORST_FIRST.index(outcome.verdict))
    several = [
        {"address": one.address, "verdict": str(one.verdict), "facts": dict(one.facts), "reason": one.reason}
        for one in outcomes
    ]
    # What a file declares of a live target is another finding than what a probe sees of it.
    kind = (
        f"{target.kind}@{source}" if source is not Source.PROBE and target.kind is not Kind.FILE else str(target.kind)
    )
    return Finding(
        id=finding_id(rule.id, kind, target.name),
        rule=rule.id,
        target=target,
        address=worst.address,
        verdict=worst.verdict,
        severity=rule.severity,
        proof=source.proof,
        reason=worst.reason,
        facts=worst.facts,
        location=target.location if source is Source.PROBE else worst.location or target.location,
        references=rule.references,
        addresses=tuple(several) if len(several) > 1 else (),
        offenders=worst.offenders,
    )


def _live(compiled: _Compiled, target: Target, seen: _Seen) -> Iterator[Finding]:
    """The findings of a declared target: always one, even when nothing was seen; for ports, one per port tried."""
    if target.kind is not Kind.PORTS:
        if target.kind not in (Kind.FILE, Kind.BODY):
            subject = seen.subjects.get((Source.PROBE, target.name), _NOTHING)
            yield _finding(compiled, target, Source.PROBE, subject)
        return
    tried = seen.ports.get(target.name.strip("[]"), [])
    for name in tried:
        finding = _finding(
            compiled, _port_of(target, name), Source.PROBE, _port(seen.subjects[Source.PROBE, name], name)
        )
        if finding.verdict is not Verdict.NOT_APPLICABLE:
            yield finding
    whole = seen.subjects.get((Source.PROBE, target.name))
    if not tried or (whole and whole.speaks_of(compiled.rule.expect)):
        yield _finding(compiled, target, Source.PROBE, whole or _NOTHING)


def _port_of(target: Target, name: str) -> Target:
    return Target(target.kind, name, target.location, target.options)


def _port(subject: _Subject, name: str) -> _Subject:
    """A port's number is in its name: a rule that is not of this port must not be unknown for want of it."""
    if "ports.number" in subject.facts:
        return subject
    number = Fact("ports.number", name, _by_port(name), Source.PROBE, "", "")
    return _Subject(subject.facts | {"ports.number": [number]}, subject.gaps)


def _declared(compiled: _Compiled, seen: _Seen) -> Iterator[Finding]:
    """The findings of what files and declarations say, where they speak of something the rule expects."""
    for (source, name), subject in seen.subjects.items():
        if source is Source.PROBE or not subject.names(compiled.rule.expect):
            continue
        if not all(subject.speaks_of([name]) for name in compiled.rule.when):
            continue  # a fact is absent where a file holds nothing of the kind: this rule is of other files
        places = [place for place in _locations(subject) if place is not None]
        is_file = any(place.file == name for place in places)
        kind = Kind.FILE if is_file or compiled.rule.targets is Kind.FILE else compiled.rule.targets
        finding = _finding(compiled, Target(kind, name, places[0] if places else None), source, subject)
        if kind is not Kind.PORTS or finding.verdict is not Verdict.NOT_APPLICABLE:
            yield finding


def _locations(subject: _Subject) -> Iterator[Location | None]:
    for found in subject.facts.values():
        yield from (fact.location() for fact in found)
    yield from (gap.location() for gap in subject.gaps)
