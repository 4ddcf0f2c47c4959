# SPDX-License-Identifier: EUPL-1.2
"""Which locations of a server block serve its page /.

nginx takes the location ``= /``; else, unless the longest prefix says ``^~``, the first regular expression that matches;
else the longest prefix. An index then leads to /index.html or /index.php, for which the choice is made again.
"""

from __future__ import annotations

import re
import warnings

from nis2check.evidence.repo.nginx.syntax import Directive

LONGEST = 500  # characters of a regular expression
_MODIFIER = re.compile(r"(=|\^~|~\*|~|)(.*)", re.DOTALL)
_PAGES = ("/", "/index.html", "/index.php")


def takes_root(pattern: str, page: str = "/") -> bool | None:
    """Whether a regular expression matches the page. None when Python does not read it as PCRE would.

    The subject is a dozen characters, so that no pattern takes long.
    """
    if len(pattern) > LONGEST or "{{" in pattern:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            return re.search(pattern, page) is not None
    except (re.error, OverflowError, RecursionError):
        return None


def serving(block: Directive) -> Directive | None:
    """The location that meets a request for / first, None when it is the server block itself."""
    exact = _plain(block, "=")
    if exact is not None:
        return exact
    final, prefix = _plain(block, "^~"), _plain(block, "")
    return final or next((one for one in _regular(block) if takes_root(_pattern(one)) is not False), prefix)


def may_serve(block: Directive) -> list[Directive | None]:
    """The locations that the page / may come from, index files included. None stands for the server block itself."""
    first = serving(block)
    if _plain(block, "^~") is not None:
        return [first]
    others = [one for one in _regular(block) if one is not first and _takes_index(_pattern(one))]
    return [first, *others]


def _takes_index(pattern: str) -> bool:
    return "php" in pattern or any(takes_root(pattern, page) is not False for page in _PAGES)


def _words(location: Directive) -> tuple[str, str]:
    """The modifier and what follows it: nginx also reads ``=/`` in one word."""
    if len(location.words) > 1:
        return location.words[0], location.words[1]
    found = _MODIFIER.match(location.words[0] if location.words else "")
    return (found[1], found[2]) if found else ("", "")


def _plain(block: Directive, modifier: str) -> Directive | None:
    return next((one for one in block.every("location") if _words(one) == (modifier, "/")), None)


def _regular(block: Directive) -> list[Directive]:
    return [one for one in block.every("location") if _words(one)[0] in {"~", "~*"}]


def _pattern(location: Directive) -> str:
    modifier, pattern = _words(location)
    return ("(?i)" if modifier == "~*" else "") + pattern
