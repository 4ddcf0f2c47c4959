# SPDX-License-Identifier: EUPL-1.2
"""The TLS probe: every address of a name, asked in half handshakes; facts as soon as they are proved, a gap for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from nis2check.evidence import names
from nis2check.evidence.net.tls import plan
from nis2check.evidence.net.tls.address import look_at
from nis2check.evidence.net.tls.facts import FACTS
from nis2check.evidence.net.tls.starttls import OPENINGS
from nis2check.evidence.observe import Missed, Observation, Unseen
from nis2check.evidence.wire import Deadline, Wire
from nis2check.model import Kind, Target, Why

NAME = "tls"
KIND = Kind.TLS

__all__ = ["FACTS", "KIND", "NAME", "cost", "look"]


async def look(target: Target, wire: Wire) -> AsyncIterator[Observation]:
    """Facts of each address of ``host:port``. ``target.options["starttls"]`` names what is spoken before TLS."""
    deadline = Deadline.after(wire.seconds())
    starttls = str(target.options.get("starttls") or "")
    if starttls and starttls not in OPENINGS:
        for missed in _nothing(Unseen(Why.NOT_ASKED, f"starttls: {starttls} is none of {', '.join(OPENINGS)}")):
            yield missed
        return
    try:
        found = await names.endpoints(wire, target.host, target.port, deadline)
    except Unseen as error:
        for missed in _nothing(error):
            yield missed
        return
    looks = [look_at(wire, one, deadline, target, starttls) for one in found]
    async for observation in looks[0] if len(looks) == 1 else _together(looks):
        if not _is_void(observation):
            yield observation


# Questions that have no answer to miss: of another kind of key, of suites or versions that the server does not have.
_VOID = frozenset(
    {
        "not an RSA key",
        "no DHE suite is accepted",
        "one version only: nothing to fall back to",
        "an address has no name to send",
        "refused without server_name",
    }
)


def _is_void(observation: Observation) -> bool:
    """True for a "gap" that is none: a void question, or one that only ``--full`` asks. Its fact is simply absent."""
    if not isinstance(observation, Missed) or observation.why is not Why.NOT_ASKED:
        return False
    return observation.detail in _VOID or observation.detail.endswith("with --full")


async def _together(looks: list[AsyncIterator[Observation]]) -> AsyncIterator[Observation]:
    """What several addresses yield, as it comes. Leaving early ends them all."""
    queue: asyncio.Queue[Observation | None] = asyncio.Queue()

    async def pour(one: AsyncIterator[Observation]) -> None:
        try:
            async for observation in one:
                queue.put_nowait(observation)
        finally:
            queue.put_nowait(None)

    tasks = [asyncio.create_task(pour(one)) for one in looks]
    try:
        running = len(tasks)
        while running:
            observation = await queue.get()
            if observation is None:
                running -= 1
            else:
                yield observation
        for task in tasks:
            task.result()  # a bug of ours is raised here, for the collector to tell
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _nothing(error: Unseen) -> Iterator[Missed]:
    for prefix in ("tls.*", "certificate.*"):
        yield Missed(prefix, error.why, error.detail)


def cost(target: Target) -> list[str]:
    """The plan of one address: one line a connection; those in brackets only if an answer asks for them."""
    before = f" after {target.options['starttls']} STARTTLS" if target.options.get("starttls") else ""
    always = (plan.TLS13_EMPTY, plan.TLS12_FLIGHT, plan.TLS11_MOST)
    lines = [f"{target.name}: hello {hello.name}{before}: {hello.proves}" for hello in always]
    classes = ("+".join(word for word in plan.CLASSES if word in plan.BROKEN), "RSA-KEX", "CBC", "DHE")
    lines += [f"{target.name}: hello of {word} suites{before}: whether they are accepted" for word in classes]
    lines.append(f"{target.name}: TLS 1.3 hellos{before}, one per group accepted and one more: the groups")
    lines.append(
        f"{target.name}: hello with another order, and one with FALLBACK_SCSV{before}: server preference, downgrade"
    )
    lines.append(f"{target.name}: hello for the other kind of certificate{before}: RSA beside ECDSA")
    lines.append(f"{target.name}: hello without server_name{before}: what a client without a name gets")
    maybe = (plan.TLS10_MOST, plan.SSL3_ONLY, plan.TLS13_FLIGHT, plan.BROWSER)
    return lines + [f"{target.name}: [hello {hello.name}{before}: {hello.proves}]" for hello in maybe]
