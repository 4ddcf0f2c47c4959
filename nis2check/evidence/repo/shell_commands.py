# SPDX-License-Identifier: EUPL-1.2
"""Commands that nobody should run unseen, recognised in the shell text of Dockerfiles and CI jobs.

A pattern is certain or it is not here: the text is never run, and what a variable would make of it is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.model import Json

LONGEST_COMMAND = 1 << 16  # characters, its continuations joined
_JOINT = "\r"  # stands where a continuation was: white space that no other line end is

_WORD = r"(?=\s|$)"
_REST = r"[^|;&\n]{0,300}?"  # of one command
_SUDO = r"(?:sudo\s{1,5}(?:-[A-Za-z]{1,5}\s{1,5})?)?"
_RUNS = _SUDO + r"(?:\S{0,40}/)?(?:(?:ba|da|z|a)?sh|python[23]?|perl|php)(?=\s|$|\)|\")"
_FETCH = r"\b(?:curl|wget)(?=\s)[^|;&\n]{0,400}"
_LOCAL = r"(?!localhost\b|127\.|\[::1\]|host\.docker\.internal)"
_YES, _NO = r"[=:]\s{0,5}[\"']?(?:true|1)\b", r"[=:\s]\s{0,5}[\"']?(?:false|0)\b"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("piped_script", _pattern(rf"{_FETCH}\|\s{{0,5}}{_RUNS}")),
    ("piped_script", _pattern(rf"\b(?:ba|z|da)?sh\s{{1,5}}(?:-c\s{{1,5}})?[\"']?(?:<\(|\$\()\s{{0,5}}{_FETCH}\)")),
    ("plain_download", _pattern(rf"\b(?:curl|wget)(?=\s){_REST}[\s\"']http://{_LOCAL}[a-z0-9.-]{{1,200}}\.[a-z]{{2,24}}[/:]")),
    ("tls_unverified", _pattern(rf"\bcurl(?=\s){_REST}\s(?:--insecure|--proxy-insecure){_WORD}")),
    ("tls_unverified", re.compile(rf"\bcurl(?=\s){_REST}\s-[A-Za-jl-z]{{0,8}}k[A-Za-z]{{0,8}}{_WORD}")),
    ("tls_unverified", _pattern(rf"\bwget(?=\s){_REST}--no-check-certificate\b")),
    ("tls_unverified", _pattern(rf"\bhttp\.sslverify{_NO}|\bGIT_SSL_NO_VERIFY{_YES}")),
    ("tls_unverified", _pattern(rf"\b(?:NODE_TLS_REJECT_UNAUTHORIZED|strict-ssl|PYTHONHTTPSVERIFY){_NO}")),
    ("tls_unverified", _pattern(r"--insecure-skip-tls-verify(?!=false)\b")),
    ("packages_unverified", _pattern(rf"\bapt(?:-get)?(?=\s){_REST}--(?:allow-unauthenticated|force-yes)\b")),
    ("packages_unverified", _pattern(rf"\bapk(?=\s){_REST}--allow-untrusted\b|\[trusted=yes\]")),
    ("packages_unverified", _pattern(rf"\b(?:yum|dnf|rpm|microdnf|zypper)(?=\s){_REST}--no-?gpg-?checks?\b")),
    ("packages_unverified", _pattern(rf"\bpip[23]?(?=\s){_REST}--trusted-host\b")),
    ("host_key_unchecked", _pattern(r"\bStrictHostKeyChecking[\s=]\s{0,5}[\"\\]{0,2}(?:no|off)\b")),
    ("world_writable", _pattern(r"\bchmod\s{1,5}(?:-[a-z]{1,5}\s{1,5}){0,3}(?:0?777|a\+rwx|ugo\+rwx)\b")),
)  # fmt: skip

MEANING = "piped_script, plain_download, tls_unverified, packages_unverified, host_key_unchecked, world_writable"


def unsafe(text: str, line: int, where: str = "") -> Iterator[dict[str, Json]]:
    """The unsafe commands of a text whose first line is ``line``: kind, the word it starts with, line, where."""
    for number, joined in _lines(text, line):
        if len(joined) > LONGEST_COMMAND or joined.lstrip().startswith("#"):
            continue
        kinds: dict[str, int] = {}
        for kind, pattern in KINDS:
            match = pattern.search(joined)
            if match:
                kinds.setdefault(kind, number + joined.count(_JOINT, 0, match.start()))
        if "piped_script" in kinds:
            kinds.pop("plain_download", None)  # one fault, one finding
        for kind, place in kinds.items():
            yield {"kind": kind, **({"where": where[:100]} if where else {}), "line": place}


def _lines(text: str, first: int) -> Iterator[tuple[int, str]]:
    """The lines with their continuations joined, and the number on which each begins."""
    kept: list[str] = []
    start = first
    for number, line in enumerate(text.replace("\r", "").split("\n"), first):
        if not kept:
            start = number
        if line.endswith("\\"):
            kept.append(line[:-1])
            continue
        yield start, _JOINT.join([*kept, line])
        kept = []
    if kept:
        yield start, _JOINT.join(kept)
