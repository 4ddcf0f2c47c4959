# SPDX-License-Identifier: EUPL-1.2
"""What a static HTML page loads, by its tags alone: nothing is run, styled or fetched. Pure.

Own reader: the standard library's raises on some hostile input, and its time is not linear in the length on every Python that
we support. Every step here moves forward, and the number of tags is capped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from urllib.parse import SplitResult, urljoin, urlsplit

from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.web_headers import policy_directives

MOST_TEXT = 512 << 10  # characters
MOST_TAGS = 20_000
MOST_ATTRIBUTES = 64
MOST_RESOURCES = 2000
LONGEST_VALUE = 2048  # of an attribute that we read
LONGEST_TITLE = 200
MOST_PLACES = 50  # kept in a fact

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:\-]{0,31})(?=[\s/>])")
_ATTRIBUTE_NAME = re.compile(r"[\s/]*([^\s/>=]+)\s*(=?)\s*")
_BARE_VALUE = re.compile(r"[^\s>]*")
_GAP = re.compile(r"[\s/]*")
# Elements whose content is no markup, or is none that a browser with scripts loads anything for.
_CLOSED_TO_US = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in (
        "script", "style", "textarea", "title", "noscript", "template", "xmp", "iframe", "noembed", "noframes"
    )
}  # fmt: skip
_SCRIPT_TYPES = re.compile(r"(?:module|(?:text|application)/(?:x-)?(?:java|ecma|j|live)script)\b|\Z", re.IGNORECASE)
_URL_IS = re.compile(r"\s*url\s*=\s*", re.IGNORECASE)
_STRONG_HASH = re.compile(r"\bsha(?:256|384|512)-[A-Za-z0-9+/]", re.IGNORECASE)
_LOADED_LINKS = {"stylesheet", "modulepreload", "preload", "manifest"}
_UPGRADES = {"upgrade-insecure-requests", "block-all-mixed-content"}


class Role(StrEnum):
    """What a page does with an address: active content may change the page, passive content may not, forms send to it."""

    SCRIPT = "script"
    ACTIVE = "active"
    PASSIVE = "passive"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Resource:
    """An absolute address that the page uses. ``bound``: the tag ties it to a strong hash (Subresource Integrity)."""

    role: Role
    address: SplitResult
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A page as read. ``refresh``: where its meta refresh leads, or "". ``whole``: nothing was left unread."""

    title: str = ""
    resources: tuple[Resource, ...] = ()
    refresh: str = ""
    policies: tuple[str, ...] = ()
    whole: bool = True


def document(answer: Answer, url: str) -> Document:
    """Read the page of an answer that was asked for at ``url``. What is not HTML loads nothing."""
    if "html" not in answer.first("content-type").lower() and answer.body.lstrip()[:1] != b"<":
        return Document(whole=answer.cut is None)
    reader = _Reader(url)
    text = answer.body.decode("utf-8", "replace")
    whole = reader.read(text[:MOST_TEXT]) and len(text) <= MOST_TEXT
    return Document(
        " ".join(reader.title.split())[:LONGEST_TITLE],
        tuple(reader.resources),
        reader.refresh,
        tuple(reader.policies),
        whole and answer.cut is None,
    )


def insecure_places(page: Document, policies: Iterable[str], *roles: Role) -> list[str]:
    """Origins that a page served over https uses over http (W3C Mixed Content). None when a policy makes browsers ask https,
    or nothing, instead. Loopback is trusted by browsers."""
    if any(_UPGRADES & policy_directives(policy).keys() for policy in (*policies, *page.policies)):
        return []
    return _listed(
        f"http://{resource.address.netloc.lower()}"
        for resource in page.resources
        if resource.role in roles and resource.address.scheme == "http" and not _is_loopback(resource.address)
    )


def unbound_scripts(page: Document, host: str) -> list[str]:
    """Hosts of others whose scripts the page runs without binding them to a hash. The site's own names are not others."""
    own = host.lower().rstrip(".").removeprefix("www.")
    return _listed(
        name
        for resource in page.resources
        if resource.role is Role.SCRIPT
        and not resource.bound
        and (name := (resource.address.hostname or "").rstrip("."))
        if name != own and not name.endswith(f".{own}")
    )


def _listed(places: Iterable[str]) -> list[str]:
    return sorted(set(places))[:MOST_PLACES]


def _is_loopback(address: SplitResult) -> bool:
    host = address.hostname or ""
    return host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")


class _Reader:
    """Walks the tags of one page once, from the first to the last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.based = False
        self.title = ""
        self.refresh = ""
        self.policies: list[str] = []
        self.resources: list[Resource] = []

    def read(self, text: str) -> bool:
        """Whether the text was read to its end."""
        position, seen = 0, 0
        while position >= 0 and (start := text.find("<", position)) >= 0:
            seen += 1
            if seen > MOST_TAGS or len(self.resources) > MOST_RESOURCES:
                return False
            position = self._one(text, start)
        return True

    def _one(self, text: str, start: int) -> int:
        """Read what begins at ``start``; gives where to go on, or -1 when it has no end (browsers drop it too)."""
        if text.startswith("<!--", start):
            return _after(text, "-->", start + 2)  # "<!-->" is a whole comment
        if text.startswith(("<!", "<?"), start):
            return _after(text, ">", start)
        tag = _TAG.match(text, start)
        if tag is None:
            return start + 1
        name = tag[2].lower()
        end, attributes = _attributes(text, tag.end())
        if end < 0 or tag[1]:
            return end
        self._open(name, attributes)
        if name not in _CLOSED_TO_US:
            return end
        closing = _CLOSED_TO_US[name].search(text, end)
        if name == "title" and not self.title:
            self.title = unescape(text[end : closing.start() if closing else end][: 4 * LONGEST_TITLE])
        return closing.start() if closing else -1

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "base" and "href" in attributes and not self.based:
            self.based = True
            self.url = _join(self.url, attributes["href"])
        elif name == "meta":
            self._meta(attributes)
        for role, value in _used(name, attributes):
            try:
                address = urlsplit(_join(self.url, value))
                _port = address.port  # raises ValueError beyond 65535
            except ValueError:
                continue
            if address.scheme in {"http", "https"} and address.hostname and "@" not in address.netloc:
                self.resources.append(
                    Resource(role, address, bool(_STRONG_HASH.search(attributes.get("integrity", ""))))
                )

    def _meta(self, attributes: dict[str, str]) -> None:
        meaning = attributes.get("http-equiv", "").lower()
        content = attributes.get("content", "")
        if meaning == "content-security-policy":
            self.policies.append(content)
        elif meaning == "refresh" and not self.refresh:
            _delay, _mark, address = content.partition(";")
            self.refresh = _URL_IS.sub("", address).strip("'\" ")


def _after(text: str, end: str, start: int) -> int:
    found = text.find(end, start)
    return -1 if found < 0 else found + len(end)


def _attributes(text: str, position: int) -> tuple[int, dict[str, str]]:
    """Attributes from there to the end of the tag, the first of a name counting, and the place after the tag or -1."""
    found: dict[str, str] = {}
    while (name := _ATTRIBUTE_NAME.match(text, position)) is not None:
        position = name.end()
        value = ""
        if name[2] and text[position : position + 1] in {'"', "'"}:
            end = text.find(text[position], position + 1)
            if end < 0:
                return -1, found
            value, position = text[position + 1 : min(end, position + 1 + LONGEST_VALUE)], end + 1
        elif name[2] and (bare := _BARE_VALUE.match(text, position)) is not None:
            value, position = bare[0][:LONGEST_VALUE], bare.end()
        if len(found) < MOST_ATTRIBUTES:
            found.setdefault(name[1][:64].lower(), unescape(value))
    gap = _GAP.match(text, position)
    position = gap.end() if gap else position
    if text[position : position + 1] == ">":
        return position + 1, found
    return (-1 if position >= len(text) else position + 1), found  # a stray "=": go on behind it


def _join(base: str, value: str) -> str:
    try:
        return urljoin(base, re.sub(r"[\t\r\n]", "", value).strip())
    except ValueError:
        return ""


def _used(name: str, attributes: dict[str, str]) -> Iterator[tuple[Role, str]]:
    """The addresses that an element uses, with what for."""
    source = attributes.get("src", "")
    if name == "script" and source and _SCRIPT_TYPES.match(attributes.get("type", "").strip()):
        yield Role.SCRIPT, source
    elif name in {"iframe", "frame", "embed"} and source:
        yield Role.ACTIVE, source
    elif name == "object" and attributes.get("data"):
        yield Role.ACTIVE, attributes["data"]
    elif name == "link" and _LOADED_LINKS & set(attributes.get("rel", "").lower().split()):
        yield Role.ACTIVE, attributes.get("href", "")
    elif name == "form" and attributes.get("action"):
        yield Role.FORM, attributes["action"]
    elif name in {"img", "audio", "video", "source", "track"} and source:
        yield Role.PASSIVE, source
