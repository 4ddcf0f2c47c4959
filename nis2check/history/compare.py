# SPDX-License-Identifier: EUPL-1.2
"""What changed between an earlier state and a result. Pure: no file, no clock.

Rule for this file: a gap is *fixed* only when the same finding was judged again and passed. One that is no longer there, or
that nobody could tell this time, is *not retested*: "vanished" is not "fixed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nis2check.model import Json, Proof, Severity, Verdict

GAPS = frozenset({Verdict.FAIL, Verdict.PARTIAL})
TOLD = GAPS | {Verdict.PASS}  # somebody or something answered for the target
SETTLED = TOLD | {Verdict.NOT_APPLICABLE}


@dataclass(frozen=True, slots=True)
class State:
    """One finding as a run left it. ``since`` is when this verdict began (RFC 3339 or a day)."""

    id: str
    rule: str
    kind: str
    target: str
    verdict: Verdict
    severity: Severity
    proof: Proof
    since: str

    @property
    def is_gap(self) -> bool:
        return self.verdict in GAPS


States = Mapping[str, State]  # by id of finding


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was known before a result.

    ``latest``: the findings of the latest run. ``settled``: of each finding, the last state in which it could be told,
    maybe in an older run: a host that was down last week makes no old gap look new today. ``started`` is that of the
    latest run.
    """

    started: str
    latest: States
    settled: States


@dataclass(frozen=True, slots=True)
class Change:
    """One finding before and now; None where it was not there."""

    before: State | None
    after: State | None

    @property
    def state(self) -> State:
        """The newer of the two."""
        found = self.after or self.before
        assert found is not None  # a change has at least one side
        return found


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes by what they mean, gravest first; ``open`` counts the gaps that stand as they stood."""

    new: tuple[Change, ...]  # a gap that was not known
    fixed: tuple[Change, ...]  # a gap that was judged again and passed
    worse: tuple[Change, ...]  # a gap that became graver: partial → fail, or a higher severity
    better: tuple[Change, ...]  # a gap that became lesser, or no longer applies
    not_retested: tuple[Change, ...]  # what the latest run could tell and this one cannot
    open: int = 0


KINDS = ("new", "fixed", "worse", "better", "not_retested")


def states(document: Mapping[str, Json]) -> dict[str, State]:
    """The findings of a ``nis2check.result/1`` by id. Of one id given twice (never by us) the first, which is the worst."""
    found: dict[str, State] = {}
    for one in document["findings"]:
        state = State(
            id=one["id"],
            rule=one["rule"],
            kind=one["target"]["kind"],
            target=one["target"]["name"],
            verdict=Verdict(one["verdict"]),
            severity=Severity(one["severity"]),
            proof=Proof(one["proof"]),
            since=one["since"],
        )
        found.setdefault(state.id, state)
    return found


def settled(found: States) -> dict[str, State]:
    """The states in which something could be told."""
    return {name: state for name, state in found.items() if state.verdict in SETTLED}


def earlier(document: Mapping[str, Json]) -> Earlier:
    """One result as all that was known before another."""
    found = states(document)
    return Earlier(document["run"]["started"], found, settled(found))


def compare(before: Earlier, document: Mapping[str, Json]) -> Changes:
    """What changed from an earlier state to a result."""
    now = states(document)
    kinds: dict[str, list[Change]] = {kind: [] for kind in KINDS}
    same = 0
    for state in now.values():
        change = Change(before.settled.get(state.id), state)
        kind = _kind(change)
        if kind:
            kinds[kind].append(change)
        elif state.is_gap:
            same += 1
    kinds["not_retested"] += _lost(before.latest, now)
    return Changes(**{kind: tuple(sorted(found, key=_order)) for kind, found in kinds.items()}, open=same)


def kind_of(change: Change) -> str:
    """The kind of one change between two runs, as `compare` gives it; empty when nothing changed or nothing was told."""
    was, now = change.before, change.after
    if now is None or now.verdict not in SETTLED:
        return "not_retested" if was is not None and was.verdict in TOLD else ""
    return _kind(change)


def _kind(change: Change) -> str:
    """The meaning of a finding that was judged this time; empty when nothing changed or nothing was told."""
    was, now = change.before, change.after
    assert now is not None  # asked of findings that are there
    if now.is_gap:
        if was is None or not was.is_gap:
            return "new"
        return _graver(was, now)
    if was is None or not was.is_gap:
        return ""
    return {Verdict.PASS: "fixed", Verdict.NOT_APPLICABLE: "better"}.get(now.verdict, "")


def _graver(was: State, now: State) -> str:
    """Two gaps: the verdict decides, then the severity."""
    order = list(Verdict)  # worst first
    old, new = (order.index(was.verdict), was.severity.rank), (order.index(now.verdict), now.severity.rank)
    return "worse" if new < old else "better" if new > old else ""


def _lost(latest: States, now: States) -> Iterator[Change]:
    """What the latest run told and this one does not: gone, unknown, or to attest again. Said once, by the first such run."""
    for state in latest.values():
        after = now.get(state.id)
        if state.verdict in TOLD and (after is None or after.verdict not in SETTLED):
            yield Change(state, after)


def _order(change: Change) -> tuple[bool, int, str, str, str]:
    """Gaps first, then severity, rule and target."""
    either = change.before if change.after is None or not change.after.is_gap else change.after
    one = either or change.state
    return not one.is_gap, one.severity.rank, one.rule, one.target, one.id


# ------------------------------------------------------------------------------------------------- into a document


def with_changes(document: Mapping[str, Json], before: Earlier | None) -> dict[str, Json]:
    """The result again with its ``changes`` against the earlier state and the ``since`` of each finding. None: first run."""
    if before is None:
        return dict(document)
    found = compare(before, document)
    changes: dict[str, Json] = {kind: _ids(getattr(found, kind)) for kind in KINDS}
    return {
        **document,
        "findings": [{**one, "since": _since(one, before)} for one in document["findings"]],
        "changes": {"since": before.started} | changes,
    }


def _ids(changes: Iterable[Change]) -> list[str]:
    return [change.state.id for change in changes]


def _since(one: Mapping[str, Json], before: Earlier) -> str:
    """When this verdict began: a gap stays one through ``partial`` and ``fail``, and through runs that could not tell."""
    verdict = Verdict(one["verdict"])
    was = (before.settled if verdict in SETTLED else before.latest).get(one["id"])
    if was is None or (was.verdict != verdict and not (was.is_gap and verdict in GAPS)):
        return str(one["since"])
    return was.since
