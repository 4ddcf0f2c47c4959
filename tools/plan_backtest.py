# SPDX-License-Identifier: EUPL-1.2
"""Is the order of the plan a good one? Risk removed per day of work, against other orders, on real results.

python tools/plan_backtest.py [RESULT.json …]      without a result: three bodies made from the demo town

Risk of a gap = severity × likelihood of ``policies/plan.yaml``, once per target and rule (worst of live and files): no effort,
no legal weight, no breadth, which only our order knows. Every order does prerequisites first; an action counts when it ends.
"""

from __future__ import annotations

import heapq
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from nis2check import frameworks
from nis2check.plan.settings import load

Json = dict[str, Any]
SETTINGS, RECYF = load(), frameworks.load()
SEVERITIES = ("critical", "high", "medium", "low", "info")
SHUFFLES = 200


class Case:
    """A result: its actions, what each removes and costs, and what must be done before it."""

    def __init__(self, document: Json) -> None:
        plan = document["plan"]
        self.items = [*plan["measures"], *plan["roadmap"], *plan["later"]]
        self.keys = [item["action"] for item in self.items]
        self.by_key = {item["action"]: item for item in self.items}
        self.findings = {one["id"]: one for one in document["findings"]}
        self.risk = {key: self._removed(item) for key, item in self.by_key.items()}
        self.whole = sum(self.risk.values())
        self.days = float(sum(item["effort"] for item in self.items))

    def _removed(self, item: Json) -> float:
        worst: dict[tuple[str, str], float] = {}
        for id_ in item["findings"]:
            one = self.findings[id_]
            place = (one["rule"], one["target"]["name"])
            risk = SETTINGS.severity[one["severity"]] * SETTINGS.likelihood[sure(one)]
            worst[place] = max(worst.get(place, 0.0), risk)
        return sum(worst.values())

    def sorted(self, rank: Callable[[Json], Any]) -> list[str]:
        """All actions by rank, prerequisites first."""
        missing = {key: len(item["factors"]["needs"]) for key, item in self.by_key.items()}
        ready = [(rank(self.by_key[key]), key) for key, count in missing.items() if not count]
        heapq.heapify(ready)
        out: list[str] = []
        while ready:
            _rank, done = heapq.heappop(ready)
            out.append(done)
            for key, item in self.by_key.items():
                if done in item["factors"]["needs"]:
                    missing[key] -= 1
                    if not missing[key]:
                        heapq.heappush(ready, (rank(item), key))
        return out

    def removed(self, order: Sequence[str], days: float) -> float:
        """Share of the whole risk that is gone after so many days of work."""
        gone = spent = 0.0
        for key in order:
            spent += self.by_key[key]["effort"]
            if spent > days + 1e-9:
                break
            gone += self.risk[key]
        return gone / self.whole

    def left(self, order: Sequence[str]) -> float:
        """Mean share of the risk that is still there, over all the days of work: 0.5 is no better than chance."""
        area, there = 0.0, self.whole
        for key in order:
            area += there * self.by_key[key]["effort"]
            there -= self.risk[key]
        return area / self.whole / self.days


def sure(one: Json) -> str:
    if one["verdict"] == "to_attest":
        return "to_attest"
    if one["proof"] == "attested":
        return "attested_partial" if one["verdict"] == "partial" else "attested_no"
    return str(one["proof"])


def by_severity(case: Case) -> list[str]:
    return case.sorted(lambda item: SEVERITIES.index(case.findings[item["findings"][0]]["severity"]))


def by_fixed_rank(case: Case) -> list[str]:
    """MonAideCyber's order re-expressed: measures of a fixed rank up to 8 first, in each half the worst answer first, then
    the rank. The ranks are its own, brought to ReCyF by our correspondence."""
    answers = ("fail", "partial", "to_attest")

    def rank(item: Json) -> tuple[bool, int, int]:
        ranks = [RECYF.measures[id_].monaidecyber or 99 for id_ in item["measures"] if id_ in RECYF.measures]
        first = min(ranks, default=99)
        return first > 8, answers.index(case.findings[item["findings"][0]]["verdict"]), first

    return case.sorted(rank)


def by_density(case: Case) -> list[str]:
    """What knows nothing but this measure of risk: the most that an order could remove, but for prerequisites."""
    return case.sorted(lambda item: -case.risk[item["action"]] / item["effort"])


def shuffled(case: Case) -> list[list[str]]:
    draw = random.Random(2026)
    out = []
    for _time in range(SHUFFLES):
        ranks = {key: draw.random() for key in case.keys}
        out.append(case.sorted(partial(_drawn, ranks)))
    return out


def _drawn(ranks: Mapping[str, float], item: Json) -> float:
    return ranks[item["action"]]


def table(name: str, case: Case) -> None:
    print(f"\n{name}: {len(case.items)} actions, {case.days:g} days, risk {case.whole:.0f}")
    print(f"{'order':<34}{'risk/day, first six':>21}{'gone, 10 days':>15}{'24 days':>9}{'72 days':>9}{'mean left':>11}")
    orders: Mapping[str, list[list[str]]] = {
        "nis2check": [case.keys],
        "severity": [by_severity(case)],
        "fixed ranks (MonAideCyber's way)": [by_fixed_rank(case)],
        f"random (mean of {SHUFFLES})": shuffled(case),
        "bound: this risk alone, per day": [by_density(case)],
    }
    for label, runs in orders.items():
        six = statistics.mean(
            sum(case.risk[key] for key in run[:6]) / sum(case.by_key[key]["effort"] for key in run[:6]) for run in runs
        )
        gone = [statistics.mean(case.removed(run, days) for run in runs) for days in (10, 24, 72)]
        left = statistics.mean(case.left(run) for run in runs)
        print(f"{label:<34}{six:>21.1f}{gone[0]:>15.0%}{gone[1]:>9.0%}{gone[2]:>9.0%}{left:>11.3f}")


# ------------------------------------------------------------------------------------------------------ demo bodies


def bodies() -> Iterator[tuple[str, Json]]:
    """The demo town looked at once; its evidence judged for three bodies that answered differently."""
    town = demo()
    yield "demo town (essential), as it is", town
    silent, half = json.loads(json.dumps(town)), json.loads(json.dumps(town))
    for one in silent["findings"]:
        if one["proof"] == "attested":
            one |= {"verdict": "to_attest"}
    silent["scope"]["category"] = "important"
    silent["findings"] = [one for one in silent["findings"] if applies(one)]
    yield "an important body with the same sites, no answer yet", planned(silent)
    draw = random.Random(7)
    for one in half["findings"]:
        if one["proof"] == "attested":
            one |= {"verdict": draw.choice(("pass", "partial", "fail"))}
    yield "an essential body with the same sites, all answered (a third yes, partly, no)", planned(half)


def applies(one: Json) -> bool:
    measure = RECYF.measures.get(one["rule"].removeprefix("recyf/"))
    return measure is None or measure.group == "EI/EE"


def planned(document: Json) -> Json:
    from nis2check.plan.again import again

    return document | {"plan": again(document)}


def demo() -> Json:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.json"
        print(f"demo of {datetime.now(UTC):%Y-%m-%d}", file=sys.stderr)
        command = [sys.executable, "-m", "nis2check", "demo", "--output", f"json={path}"]
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return dict(json.loads(path.read_bytes()))


if __name__ == "__main__":
    given = [(path, dict(json.loads(Path(path).read_bytes()))) for path in sys.argv[1:]]
    for title, result in given or bodies():
        table(title, Case(result))
