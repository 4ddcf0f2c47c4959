# SPDX-License-Identifier: EUPL-1.2
"""Policies of AWS, and of what speaks its language: who may do what.

Read when they are static JSON, ``jsonencode`` of an object, or the blocks of ``aws_iam_policy_document``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.repo.terraform.ledger import Ledger
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value, plain, word

_RIGHTS = (
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
    "aws_ssoadmin_permission_set_inline_policy",
)
# Policies that a resource bears: they say who may reach it.
_BORNE = {
    "aws_s3_bucket_policy": "storage_public",
    "scaleway_object_bucket_policy": "storage_public",
    "aws_s3_bucket": "storage_public",
    "aws_sqs_queue_policy": "open_to_anyone",
    "aws_sqs_queue": "open_to_anyone",
    "aws_sns_topic_policy": "open_to_anyone",
    "aws_kms_key": "open_to_anyone",
    "aws_kms_key_policy": "open_to_anyone",
    "aws_ecr_repository_policy": "registry_public",
    "aws_secretsmanager_secret_policy": "open_to_anyone",
    "aws_opensearch_domain": "open_to_anyone",
    "aws_elasticsearch_domain": "open_to_anyone",
    "aws_opensearch_domain_policy": "open_to_anyone",
    "aws_efs_file_system_policy": "open_to_anyone",
    "aws_glacier_vault": "open_to_anyone",
    "aws_iam_role": "open_to_anyone",
    "aws_backup_vault_policy": "open_to_anyone",
}
_SETTINGS = {
    "aws_iam_role": "assume_role_policy",
    "aws_opensearch_domain": "access_policies",
    "aws_elasticsearch_domain": "access_policies",
    "aws_opensearch_domain_policy": "access_policies",
    "aws_glacier_vault": "access_policy",
    "outscale_policy": "document",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}
_DOCUMENT = "aws_iam_policy_document"

TYPES = frozenset({*_RIGHTS, *_BORNE, "outscale_policy", _DOCUMENT})


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, whichever way it was written. ``None`` of a part: not told."""

    line: int
    allows: bool
    actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    principals: tuple[str, ...] | None
    conditional: bool


def note(configuration: Configuration, ledger: Ledger) -> None:
    """Rights over everything, and doors open to anyone."""
    for block in configuration.blocks:
        if block.kind == "resource" and block.type in TYPES:
            _of_resource(block, ledger)
        elif block.kind == "data" and block.type == _DOCUMENT:
            for one in block.body.each("statement"):
                _rights(_written_out(one) if not one.unknown else None, one, block, ledger)


def _of_resource(block: Block, ledger: Ledger) -> None:
    setting = _SETTINGS.get(block.type, "policy")
    policy = block.body.one(setting)
    if policy is None:
        return
    concern = _BORNE.get(block.type, "iam_wildcard")
    document = _document(policy)
    if document is None:
        if not policy.unknown.startswith("data."):  # the document is judged where it is written
            ledger.untold(concern, block, setting, policy if policy.unknown else Value(policy.line, unknown="not JSON"))
        return
    for one in document.each("Statement"):
        statement = _encoded(one) if not one.unknown else None
        if concern == "iam_wildcard":
            _rights(statement, one, block, ledger)
        else:
            _door(concern, statement, one, block, ledger)


def _rights(statement: Statement | None, value: Value, block: Block, ledger: Ledger) -> None:
    """``Action: *`` on ``Resource: *``: an administrator, whatever the name of the policy."""
    concern = "iam_wildcard"
    if statement is None:
        ledger.untold(concern, block, "a statement", value)
    elif not (statement.allows and _may_be_all(statement.actions) and _may_be_all(statement.resources)):
        ledger.fits(concern)
    elif statement.principals:
        ledger.fits(concern)  # the policy that a resource bears is about that resource alone
    elif statement.actions is None or statement.resources is None:
        ledger.untold(concern, block, "a statement", Value(value.line, unknown="only partly written here"))
    else:
        ledger.offends(concern, block, statement.line, setting="Action, Resource", value="*")


def _door(concern: str, statement: Statement | None, value: Value, block: Block, ledger: Ledger) -> None:
    if statement is None or (statement.allows and not statement.conditional and statement.principals is None):
        ledger.untold(
            concern, block, "a principal", Value(value.line, unknown=value.unknown or "only partly written here")
        )
    elif statement.allows and not statement.conditional and "*" in (statement.principals or ()):
        ledger.offends(concern, block, statement.line, setting="Principal", value="*")
    else:
        ledger.fits(concern)


def _all(words: tuple[str, ...] | None) -> bool:
    return words is not None and any(one in {"*", "*:*"} for one in words)


def _may_be_all(words: tuple[str, ...] | None) -> bool:
    """Everything, or not told."""
    return words is None or _all(words)


def _document(policy: Value) -> Value | None:
    if policy.keys is not None:
        return policy
    if not isinstance(policy.scalar, str):
        return None
    try:
        found = json.loads(policy.scalar)
    except (ValueError, RecursionError):
        return None
    return plain(found, policy.line) if isinstance(found, dict) else None


def _encoded(one: Value) -> Statement:
    """A statement of JSON."""
    return Statement(
        line=one.line,
        allows=one.text("Effect").lower() == "allow",
        actions=_words(one.each("Action")),
        resources=_words(one.each("Resource")),
        principals=_words(list(_principals(one))),
        conditional=bool(one.find("Condition")) or bool(one.find("NotPrincipal")),
    )


def _principals(one: Value) -> Iterator[Value]:
    """``"*"`` and ``{"AWS": "*"}`` are anyone."""
    for value in one.each("Principal"):
        if value.keys is None:
            yield value
        else:
            for named in value.keys.values():
                yield from named.flat()


def _written_out(one: Value) -> Statement:
    """A ``statement`` block; without effect it allows (documented)."""
    effect = one.one("effect")
    return Statement(
        line=one.line,
        allows=effect is None or word(effect.scalar).lower() == "allow",
        actions=_words(one.each("actions")),
        resources=_words(one.each("resources")),
        principals=_words(one.each("principals.identifiers")),
        conditional=bool(one.find("condition")),
    )


def _words(values: list[Value]) -> tuple[str, ...] | None:
    """The words of a list; None when one of them is not told and none is ``*``."""
    words = tuple(word(value.scalar) for value in values if not value.unknown)
    return None if len(words) < len(values) and not _all(words) else words
