# SPDX-License-Identifier: EUPL-1.2
"""Whether the conditions of HAProxy rules hold for a GET of / by an ordinary client (Configuration Manual 7, ACLs)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nis2check.evidence.repo.haproxy.syntax import Section
from nis2check.evidence.repo.host_names import is_host_name

OF_HOST = re.compile(
    r"(?:req\.|req)?hdr\(host\)(?:,lower|,field\(1,:\)|,host_only)*\Z|(?:ssl_fc_sni|req\.ssl_sni|req_ssl_sni)(?:,lower)*\Z",
    re.IGNORECASE,
)
MOST_NAMES = 20  # of one frontend


@dataclass(frozen=True, slots=True)
class Visit:
    """The request that is asked about. ``name`` is empty when any name is meant."""

    secure: bool
    port: int
    name: str = ""


def names(section: Section) -> tuple[str, ...]:
    """The host names that the rules of a frontend know, each in full."""
    found: dict[str, None] = {}
    for line in section.lines:
        for atom in _atoms(line.words):
            if OF_HOST.match(atom[0]) and line.settled:
                found |= dict.fromkeys(word.lower() for word in _values(atom) if is_host_name(word.lower()))
    return tuple(found)[:MOST_NAMES]


def _atoms(words: Sequence[str]) -> list[tuple[str, ...]]:
    """The tests of a line: what an acl line declares, and what stands between braces."""
    found = [tuple(words[2:])] if words[:1] == ("acl",) and len(words) > 3 else []
    opened: int | None = None
    for index, word in enumerate(words):
        if word in {"{", "!{"}:
            opened = index + 1
        elif word == "}" and opened is not None:
            found.append(tuple(words[opened:index]))
            opened = None
    return [atom for atom in found if atom]


def _values(atom: Sequence[str]) -> list[str]:
    return [word for word in atom[1:] if not word.startswith("-")]


def holds(words: Sequence[str], section: Section, visit: Visit) -> bool | None:
    """The condition at the end of a rule (``if …``, ``unless …``); true without one. None: the file does not tell."""
    start = next((index for index, word in enumerate(words) if word in {"if", "unless"}), None)
    if start is None:
        return True
    said = _any(list(words[start + 1 :]), section, visit)
    if said is None:
        return None
    return said is (words[start] == "if")


def _any(words: list[str], section: Section, visit: Visit) -> bool | None:
    """Alternatives parted by ``or``; within one, all must hold."""
    alternatives: list[bool | None] = []
    while words:
        end = next((index for index, word in enumerate(words) if word in {"or", "||"}), len(words))
        alternatives.append(_every(words[:end], section, visit))
        words = words[end + 1 :]
    if True in alternatives:
        return True
    return None if None in alternatives else False


def _every(words: list[str], section: Section, visit: Visit) -> bool | None:
    result: bool | None = True
    index = 0
    while index < len(words):
        negated = words[index].startswith("!")
        word = words[index].lstrip("!")
        if word in {"{", ""}:
            index += word == ""
            end = words.index("}", index) if "}" in words[index:] else len(words)
            value = _atom(words[index + (words[index].lstrip("!") == "{") : end], visit)
            index = end + 1
        else:
            value = _named(word, section, visit)
            index += 1
        if value is not None and value is negated:
            return False
        result = None if value is None else result
    return result


def _named(name: str, section: Section, visit: Visit) -> bool | None:
    """An acl by its name: several declarations are alternatives."""
    said = [_atom(list(one.words[2:]), visit) if one.settled else None for one in section.every("acl", name)]
    if name in {"TRUE", "FALSE"}:
        return name == "TRUE"
    if not said:
        return {"HTTP": True, "METH_GET": True, "METH_POST": False}.get(name)
    return True if True in said else None if None in said else False


def _atom(words: Sequence[str], visit: Visit) -> bool | None:
    if not words:
        return None
    sample, values = words[0], _values(words)
    if sample in {"ssl_fc", "always_true", "always_false"}:
        return {"ssl_fc": visit.secure, "always_true": True}.get(sample, False)
    if sample in {"path", "path_beg", "path_end", "path_dir", "path_sub"}:
        return _path(sample, values)
    if OF_HOST.match(sample):
        return visit.name in [value.lower() for value in values] if visit.name else None
    if sample in {"dst_port", "fc_dst_port"}:
        return str(visit.port) in values if all(value.isdigit() for value in values) else None
    if sample == "method":
        return "GET" in values
    return None


def _path(sample: str, values: Sequence[str]) -> bool:
    """Of the path /, however long the values are."""
    if sample in {"path_beg", "path_end"}:
        return "/" in values or "" in values
    return "/" in values if sample == "path" else sample == "path_sub" and bool({"/", ""} & set(values))
