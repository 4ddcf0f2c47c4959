# SPDX-License-Identifier: EUPL-1.2
"""What Terraform itself fetches and keeps: providers, modules, and where its state goes."""

from __future__ import annotations

import re

from nis2check.evidence.repo.terraform.ledger import Ledger
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value, word

_LOCAL = re.compile(r"\.{1,2}(?:/|\Z)|/")
_REGISTRY = re.compile(r"(?:[a-z0-9.-]+\.[a-z]{2,}/)?[\w-]+/[\w-]+/[\w-]+(?://.*)?\Z", re.IGNORECASE)
_PLAIN = re.compile(r"(?:git::|hg::)?http://|git://|git::git://", re.IGNORECASE)
_FETCHED = re.compile(
    r"(?:git|hg)::|git@|ssh://|(?:[\w.-]+@)?(?:github\.com|bitbucket\.org|gitlab\.com)[/:]|https?://[^?]*\.git", re.I
)
_REF = re.compile(r"[?&](?:ref|rev)=([^&]*)")
_MOVING = frozenset({"", "main", "master", "develop", "dev", "latest", "head", "trunk", "stable"})
# Providers told not to check a certificate, by the names that they give the setting.
_UNVERIFIED = (
    "insecure",
    "tls_insecure",
    "skip_tls_verify",
    "tls_skip_verify",
    "insecure_skip_verify",
    "allow_unverified_ssl",
    "skip_cert_verification",
    "pm_tls_insecure",
)
_UNVERIFIED_WITHIN = ("kubernetes.insecure", "registry.insecure", "tls_config.insecure_skip_verify")


def note(configuration: Configuration, ledger: Ledger) -> None:
    """Versions, sources, back ends and checks of certificates."""
    for block in configuration.blocks:
        if block.kind == "module":
            _module(block, ledger)
        elif block.kind == "terraform":
            _providers(block, ledger)
            _backend(block, ledger)
        elif block.kind == "provider":
            _verified(block, ledger)


def _providers(block: Block, ledger: Ledger) -> None:
    for listed in block.body.each("required_providers"):
        for name, asked in (listed.keys or {}).items():
            if name.startswith("configuration_aliases") or asked.text("source").startswith("terraform.io/builtin/"):
                continue
            version = asked.one("version") if asked.keys is not None else asked
            if version is None:
                provider = Block("provider", (name,), asked.line, asked)
                ledger.offends("providers_unpinned", provider, asked.line, setting="version")
            else:
                ledger.fits("providers_unpinned")


def _module(block: Block, ledger: Ledger) -> None:
    source = block.body.one("source")
    if source is None:
        return
    text = source.scalar if isinstance(source.scalar, str) else ""
    if source.unknown:
        ledger.untold("modules_unpinned", block, "source", source)
        return
    if _LOCAL.match(text):
        return  # of this repository
    if _PLAIN.match(text):
        ledger.offends("modules_plain", block, source.line, setting="source", value=_without_account(text))
    else:
        ledger.fits("modules_plain")
    if _FETCHED.match(text):
        ref = _REF.search(text)
        pinned = ref is not None and ref[1].lower() not in _MOVING
    else:
        pinned = bool(block.body.find("version")) or _REGISTRY.match(text) is None
    if pinned:
        ledger.fits("modules_unpinned")
    else:
        ledger.offends("modules_unpinned", block, source.line, setting="source", value=_without_account(text))


def _without_account(text: str) -> str:
    """A source may hold a token: https://token@host."""
    return re.sub(r"(://)[^/@\s]*@", r"\1", text)


def _backend(block: Block, ledger: Ledger) -> None:
    concern = "state_unprotected"
    for backend in block.body.each("backend"):
        kind = backend.text("__label")
        here = Block("terraform", ("backend", kind), backend.line, backend)
        if kind == "local":
            ledger.offends(concern, here, backend.line, setting="backend", value=kind)
            continue
        found = False
        for setting, bad in (("encrypt", "false"), ("skip_cert_verification", "true"), ("insecure", "true")):
            value = backend.one(setting)
            if value is not None and not value.unknown and word(value.scalar) == bad:
                ledger.setting_offends(concern, here, setting, value)
                found = True
        for setting in ("address", "endpoint", "endpoints.s3"):
            value = backend.one(setting)
            if value is not None and word(value.scalar).startswith("http://"):
                ledger.offends(concern, here, value.line, setting=setting, value="http://")
                found = True
        if not found:
            ledger.fits(concern)


def _verified(block: Block, ledger: Ledger) -> None:
    concern = "provider_unverified"
    for setting in (*_UNVERIFIED, *_UNVERIFIED_WITHIN):
        for value in block.body.find(setting):
            if value.unknown:
                ledger.untold(concern, block, setting, value)
            elif word(value.scalar) == "true":
                ledger.setting_offends(concern, block, setting, value)
            else:
                ledger.fits(concern)


def state(name: str, resources: Value, ledger: Ledger) -> None:
    """A state in the repository: what it holds is in clear, whatever it was marked."""
    held = [one for one in resources.items or () if one.keys is not None]
    if not held:
        ledger.fits("state_committed")
        return
    sensitive = sum(len(list(one.each("instances.sensitive_attributes"))) for one in held)
    block = Block("state", (name,), 1, resources)
    ledger.offends("state_committed", block, 1, resources=len(held), sensitive=sensitive)
