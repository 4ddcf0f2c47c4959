# SPDX-License-Identifier: EUPL-1.2
"""From a file to its facts: the way through the tables, loaded in the reading process only."""

from __future__ import annotations

from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.terraform import (
    hcl,
    ingress,
    literals,
    pins,
    policies,
    recorded,
    records,
    releases,
    settings,
    tables,
)
from nis2check.evidence.repo.terraform.ledger import Ledger
from nis2check.evidence.repo.terraform.values import Configuration, plain
from nis2check.model import Why

Found = Iterator[Read | Unread]

WANTED = (
    settings.types_of([*tables.SETTINGS, *tables.COMPANIONS])
    | ingress.TYPES
    | policies.TYPES
    | literals.TYPES
    | releases.TYPES
    | records.TYPES
)


def hcl_file(path: str, text: str) -> Found:
    """A .tf, .tofu or .tfvars file. Raises Unseen."""
    configuration = hcl.read(text, WANTED)
    for fault in configuration.faults:
        yield Unread("terraform.syntax", Why.MALFORMED, fault.detail, fault.line)
    ledger = Ledger()
    literals.note(path, configuration, ledger)
    pins.note(configuration, ledger)
    yield from _resources(configuration, ledger)


def plan(path: str, text: str) -> Found:
    """The JSON of ``terraform show -json``. Raises Unseen."""
    document = recorded.document(text)
    if "format_version" not in document:
        return  # some other JSON
    yield from _resources(recorded.of_plan(text, document, WANTED), Ledger())


def state(path: str, text: str) -> Found:
    """A state: an offence by being there, and a whole description of what runs. Raises Unseen."""
    document = recorded.document(text)
    ledger = Ledger()
    if "encrypted_data" in document:  # OpenTofu's encryption of states
        ledger.fits("state_committed")
        yield from ledger.yields(())
        return
    pins.state(path.rpartition("/")[2], plain(document.get("resources"), 1), ledger)
    yield from _resources(recorded.of_state(text, document, WANTED), ledger)


def not_read(text: str) -> Found:
    """The JSON spelling of HCL, which programs write (CDK for Terraform)."""
    yield Unread("terraform.syntax", Why.UNREADABLE, "Terraform in JSON is not read: read its plan instead")


def _resources(configuration: Configuration, ledger: Ledger) -> Found:
    settings.apply(tables.SETTINGS, configuration, ledger)
    settings.accompany(tables.COMPANIONS, configuration, ledger)
    ingress.note(configuration, ledger)
    policies.note(configuration, ledger)
    releases.note(configuration, ledger)
    yield from ledger.yields(configuration.faults)
    yield from records.reads(configuration)
