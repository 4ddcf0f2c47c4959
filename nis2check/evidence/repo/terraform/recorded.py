# SPDX-License-Identifier: EUPL-1.2
"""Reads what Terraform wrote itself: the JSON of a plan or of a state (``terraform show -json``), and raw state files.

https://developer.hashicorp.com/terraform/internals/json-format. They hold every module, with exact values; a value that only
applying the plan will tell is an unknown. JSON keeps no lines: a resource has that of its address in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value, plain
from nis2check.model import Json, Why

MOST_RESOURCES = 20_000
DEEPEST_MODULES = 30
MOST_VALUES = 400_000

_ADDRESS = re.compile(r'"(?:address|name)"\s*:\s*"((?:[^"\\]|\\.){1,300})"')


def document(text: str) -> dict[str, Json]:
    """The file as JSON. Raises Unseen: malformed, limit."""
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise Unseen(Why.LIMIT, f"more than {MOST_VALUES} values")
    try:
        found = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise Unseen(Why.MALFORMED, f"not JSON: line {line}") from None
    except RecursionError:
        raise Unseen(Why.LIMIT, "nested too deeply") from None
    if not isinstance(found, dict):
        raise Unseen(Why.MALFORMED, "not the JSON of a plan or a state")
    return found


def of_plan(text: str, found: dict[str, Json], wanted: frozenset[str]) -> Configuration:
    """The resources that a plan makes or leaves, or that ``terraform show -json`` says of a state."""
    values = found.get("planned_values") or found.get("values") or {}
    lines = _lines(text)
    unknown = {
        change.get("address"): change["change"].get("after_unknown")
        for change in _dicts(found.get("resource_changes"))
        if isinstance(change.get("change"), dict)
    }
    blocks = []
    for one in _resources(values.get("root_module") if isinstance(values, dict) else None, 0):
        kind, address = str(one.get("type")), str(one.get("address", ""))
        if one.get("mode") != "managed" or kind not in wanted or not isinstance(one.get("values"), dict):
            continue
        line = lines.get(address, 1)
        body = _with_unknown(plain(one["values"], line), unknown.get(address), line)
        blocks.append(Block("resource", (kind, str(one.get("name"))), line, body, address))
    return Configuration(tuple(blocks), whole=True)


def of_state(text: str, found: dict[str, Json], wanted: frozenset[str]) -> Configuration:
    """The resources of a raw state file, version 4."""
    lines = _lines(text)
    blocks = []
    for one in _dicts(found.get("resources")):
        kind, name = str(one.get("type")), str(one.get("name"))
        if one.get("mode") != "managed" or kind not in wanted:
            continue
        line = lines.get(name, 1)
        blocks += [
            Block("resource", (kind, name), line, plain(instance["attributes"], line))
            for instance in _dicts(one.get("instances"))
            if isinstance(instance.get("attributes"), dict)
        ]
    if len(blocks) > MOST_RESOURCES:
        raise Unseen(Why.LIMIT, f"more than {MOST_RESOURCES} resources")
    return Configuration(tuple(blocks), whole=True)


def _resources(module: Json, depth: int) -> Iterator[dict[str, Json]]:
    if not isinstance(module, dict):
        return
    if depth > DEEPEST_MODULES:
        raise Unseen(Why.LIMIT, f"more than {DEEPEST_MODULES} modules within each other")
    yield from _dicts(module.get("resources"))
    for child in _dicts(module.get("child_modules")):
        yield from _resources(child, depth + 1)


def _dicts(found: Json) -> list[dict[str, Json]]:
    listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if len(listed) > MOST_RESOURCES:
        raise Unseen(Why.LIMIT, f"more than {MOST_RESOURCES} resources")
    return listed


def _with_unknown(value: Value, unknown: Json, line: int) -> Value:
    """``after_unknown`` has ``true`` where applying the plan will tell."""
    if unknown is True:
        return Value(line, unknown="known after apply")
    if isinstance(unknown, dict) and value.keys is not None:
        keys = dict(value.keys)
        for name, inner in unknown.items():
            keys[name] = _with_unknown(keys.get(name, Value(line)), inner, line)
        return replace(value, keys=keys)
    if isinstance(unknown, list) and value.items is not None:
        marks = unknown[: len(value.items)] + [False] * (len(value.items) - len(unknown))
        return replace(
            value, items=tuple(_with_unknown(one, mark, line) for one, mark in zip(value.items, marks, strict=True))
        )
    return value


def _lines(text: str) -> dict[str, int]:
    """The line where each address or name stands first."""
    lines: dict[str, int] = {}
    line, position = 1, 0
    for found in _ADDRESS.finditer(text):
        line += text.count("\n", position, found.start())
        position = found.start()
        try:
            lines.setdefault(json.loads(f'"{found[1]}"'), line)
        except ValueError:
            continue
    return lines
