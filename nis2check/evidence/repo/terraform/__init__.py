# SPDX-License-Identifier: EUPL-1.2
"""Reads Terraform and OpenTofu: HCL, files of values, plans as JSON, and states that were committed.

One concern, all clouds: each fact is the list of what offends it, whatever the provider. What a run of Terraform would settle
(a variable, a condition, another file) is a gap, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo.terraform import concerns, records
from nis2check.model import Why

NAME = "terraform"
FACTS = (*concerns.FACTS, *records.FACTS)

_HCL = re.compile(r"\.(?:tf|tofu)\Z", re.IGNORECASE)
_VALUES = re.compile(r"\.tfvars\Z", re.IGNORECASE)
_STATE = re.compile(r"\.tfstate(?:\.(?:\d+\.)?backup)?\Z", re.IGNORECASE)
_AS_JSON = re.compile(r"\.(?:tf|tofu|tfvars)\.json\Z", re.IGNORECASE)
_MAY_BE_PLAN = re.compile(r"\.json\Z", re.IGNORECASE)
_PLAN_NAME = re.compile(r"\.tfplan\.json\Z", re.IGNORECASE)
_PLAN_HEAD = re.compile(rb'\A\s*\{\s*"format_version"\s*:\s*"[^"]{1,10}"\s*,\s*"terraform_version"')

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """By name; a plan as JSON by its first words too."""
    if any(pattern.search(path) for pattern in (_HCL, _VALUES, _STATE, _AS_JSON, _PLAN_NAME)):
        return True
    return _MAY_BE_PLAN.search(path) is not None and _PLAN_HEAD.match(head) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    from nis2check.evidence.repo.terraform import reading

    try:
        if _AS_JSON.search(path):
            yield from reading.not_read(text)
        elif _STATE.search(path):
            yield from reading.state(path, text)
        elif _HCL.search(path) or _VALUES.search(path):
            yield from reading.hcl_file(path, text)
        else:
            yield from reading.plan(path, text)
    except Unseen as error:
        yield Unread("terraform.syntax", error.why, error.detail)  # one gap of the file, not one of each concern
    except RecursionError:
        yield Unread("terraform.syntax", Why.LIMIT, "nested too deeply")
