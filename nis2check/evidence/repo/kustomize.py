# SPDX-License-Identifier: EUPL-1.2
"""Reads kustomization files: what they fetch from elsewhere, which images they set, which secrets they make from literals.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from __future__ import annotations

import re

from nis2check.evidence.observe import Unread, Unseen
from nis2check.evidence.repo.kubernetes.pods import WEAK_SETTINGS
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.secret_words import is_default, is_sample, is_written_out, names_secret
from nis2check.evidence.repo.yaml_tree import Node, documents, is_templated, walk
from nis2check.model import FactSpec, Why

NAME = "kustomize"
FACTS = (
    FactSpec(
        "kustomize.remote_unpinned", "array", "", "Remote resources without a fixed reference; kind: moving or plain."
    ),
    FactSpec("kustomize.images_unpinned", "array", "", "Images whose new tag moves (latest)."),
    FactSpec("kustomize.image_releases", "array", "", "Releases of official products in images that it sets."),
    FactSpec(
        "kustomize.literal_secrets", "array", "", "Secrets generated from literals of the file, never their value."
    ),
    FactSpec(
        "kustomize.weak_patches", "array", "", "Settings of inline patches that grant a pod more than the default."
    ),
    FactSpec("kustomize.charts_unpinned", "array", "", "Helm charts inflated without a fixed version."),
)

_BY_NAME = re.compile(r"(?:^|/)(?:kustomization\.ya?ml|Kustomization)\Z")
_REMOTE = re.compile(
    r"(?:https?|ssh|git|git::https|git::ssh)://|git@|(?:www\.)?(?:github|gitlab|bitbucket)\.(?:com|org)[/:]"
)
_REF = re.compile(r"[?&](?:ref|version)=([^&\s]{1,200})")
_COMMIT_OR_TAG = re.compile(r"/(?:v?\d+(?:\.\d+)+[^/]*|[0-9a-f]{40})/|/releases/download/")
_MOVING = {"main", "master", "head", "develop", "dev", "trunk", "latest", "stable"}


def matches(path: str, head: bytes) -> bool:
    """kustomization.yaml by its three names."""
    return _BY_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts of one kustomization."""
    try:
        roots = documents(text)
    except Unseen as error:
        yield Unread("kustomize.*", error.why, error.detail)
        return
    out = Listing()
    for root in roots:
        _fetched(root, out)
        _changed(root, out)
    if is_sample(path):
        out.forget("kustomize.literal_secrets")
    yield from out.found()


def _fetched(root: Node, out: Listing) -> None:
    """What comes from elsewhere: resources and charts."""
    for key in ("resources", "bases", "components", "crds"):
        for one in root.entries(key):
            _remote(one, out)
    for one in (*root.entries("helmCharts"), *root.entries("helmChartInflationGenerator")):
        out.holds("kustomize.charts_unpinned")
        version = one.word("version") or one.word("chartVersion")
        if not version or version in {"*", "latest"}:
            out.add("kustomize.charts_unpinned", one.line, name=one.word("name") or one.word("chartName"))


def _changed(root: Node, out: Listing) -> None:
    """What the file itself sets: images, secrets, patches."""
    for one in root.entries("images"):
        _image(one, out)
    for one in root.entries("secretGenerator"):
        _secret(one, out)
    for one in root.entries("patches"):
        _patch(one.get("patch"), out)
    for one in (*root.entries("patchesStrategicMerge"), *root.entries("patchesJson6902")):
        _patch(one if one.text else one.get("patch"), out)


def _remote(one: Node, out: Listing) -> None:
    fact = "kustomize.remote_unpinned"
    text = one.text or ""
    if not _REMOTE.match(text):
        return
    out.holds(fact)
    if is_templated(text):
        out.gap(fact, Why.TEMPLATED, "a remote resource comes from a template", one.line)
        return
    ref = _REF.search(text)
    fixed = ref[1].lower() not in _MOVING if ref else _COMMIT_OR_TAG.search(text) is not None
    if text.startswith("http://"):
        out.add(fact, one.line, source=text.partition("?")[0], kind="plain")
    elif not fixed:
        out.add(fact, one.line, source=text.partition("?")[0], kind="moving")


def _image(one: Node, out: Listing) -> None:
    tag = one.get("newTag")
    if one.word("digest") or tag is None or not tag.text:
        return
    reference = f"{one.word('newName') or one.word('name')}:{tag.text}"
    out.image("kustomize.images_unpinned", "kustomize.image_releases", reference, tag.line)


def _patch(patch: Node | None, out: Listing) -> None:
    """A patch written in the file itself, merged or by JSON 6902 operations; one in another file is read there."""
    fact = "kustomize.weak_patches"
    if patch is None or not patch.text or "\n" not in patch.text:
        return
    try:
        roots = documents.__wrapped__(patch.text)  # the kept answer stays that of the file
    except Unseen as error:
        out.gap(fact, error.why, f"an inline patch: {error.detail}", patch.line)
        return
    out.holds(fact)
    for root in roots:
        for path, node in walk(root):
            setting, value = path[-1] if path else "", node
            if node.get("op") is not None and node.get("value") is not None:
                setting, value = node.word("path").rpartition("/")[2], node.get("value") or node
            if value.text is not None and value.text.lower() == WEAK_SETTINGS.get(setting):
                out.add(fact, patch.first_line + value.line - 1, setting=setting)


def _secret(one: Node, out: Listing) -> None:
    fact = "kustomize.literal_secrets"
    for literal in one.entries("literals"):
        key, equals, value = (literal.text or "").partition("=")
        if not equals or not names_secret(key.strip()):
            continue
        out.holds(fact)
        if is_templated(value):
            out.gap(fact, Why.TEMPLATED, "a literal comes from a template", literal.line)
        elif is_default(value) or is_written_out(value):
            out.add(fact, literal.line, name=one.word("name"), key=key.strip())
