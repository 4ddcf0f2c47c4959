# SPDX-License-Identifier: EUPL-1.2
"""Change entries of a YAML list that people also edit by hand: the lines of other entries, and every comment, stay.

The old text is never trusted to have been understood: what comes out is read again and must hold exactly what was wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nis2check.errors import InputError, Place
from nis2check.files import parse_yaml
from nis2check.language import _
from nis2check.model import Json

_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]")

# Keys written bare, so that a reader sees a date and not a quoted text.
_DATES = frozenset({"on", "until", "created"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry to write: its values in the order of keys, and a comment for its first line."""

    values: Mapping[str, Json]
    comment: str = ""


def changed(
    text: str,
    file: str,
    key: str,
    entries: Mapping[str, Entry],
    *,
    name_of: Callable[[Json], str],
    rank: Callable[[str], int],
) -> str:
    """``text`` with each entry put in the place of the one of its name, else before the first of a higher rank.

    ``file`` is the name to report. Raises InputError when the layout of the file cannot be kept; nothing is lost then.
    """
    before = parse_yaml(text, file)
    old: list[Json] = before.data[key] or []
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    starts = [before.line((key, index)) - 1 for index in range(len(old))]
    if old:
        out = _among(lines, starts, [name_of(item) for item in old], entries, rank)
    else:
        out = _first(lines, before.line((key,)) - 1, key, entries, rank)
    new = newline.join([*out, ""]) if out is not None else ""
    wanted = {name_of(item): item for item in old} | {name: dict(entry.values) for name, entry in entries.items()}
    if out is None or not _holds(new, file, before.data, key, wanted, name_of):
        what = _("La disposition de ce fichier ne permet pas de le compléter sans perdre de commentaires.")
        raise InputError(
            what,
            place=Place(file, before.line((key,))),
            advice=_("Écrire chaque élément de {key} sur ses propres lignes, « - » en tête.").format(key=key),
        )
    return new


def _holds(
    new: str, file: str, before: Json, key: str, wanted: Mapping[str, Json], name_of: Callable[[Json], str]
) -> bool:
    try:
        after = parse_yaml(new, file).data
    except InputError:
        return False
    rest = {name: value for name, value in after.items() if name != key}
    if rest != {name: value for name, value in before.items() if name != key} or not isinstance(after[key], list):
        return False
    return len(after[key]) == len(wanted) and {name_of(item): item for item in after[key]} == wanted


def _first(
    lines: Sequence[str], at: int, key: str, entries: Mapping[str, Entry], rank: Callable[[str], int]
) -> list[str] | None:
    """The list was empty: ``key:`` or ``key: []`` becomes the head of a block."""
    if re.sub(r"\s+#.*$", "", lines[at]).rstrip() not in {f"{key}:", f"{key}: []", f"{key}: null", f"{key}: ~"}:
        return None
    block = [line for name in sorted(entries, key=rank) for line in _lines(entries[name], 2)]
    return [*lines[:at], f"{key}:", *block, *lines[at + 1 :]]


def _among(
    lines: Sequence[str],
    starts: Sequence[int],
    names: Sequence[str],
    entries: Mapping[str, Entry],
    rank: Callable[[str], int],
) -> list[str] | None:
    """The list has entries, each on lines of its own that start with the same ``-``; None when it has not."""
    columns = {len(lines[at]) - len(lines[at].lstrip(" ")) for at in starts}
    if len(columns) != 1 or len(set(starts)) != len(starts) or any(lines[at].lstrip(" ")[:2] != "- " for at in starts):
        return None
    indent = columns.pop()
    ends = [_end(lines, start, limit, indent) for start, limit in zip(starts, [*starts[1:], len(lines)], strict=True)]
    fresh = sorted((name for name in entries if name not in names), key=rank)

    def before(name: str | None) -> list[str]:
        """The new entries that come before this one; all that are left before the end."""
        due = [one for one in fresh if name is None or rank(one) < rank(name)]
        del fresh[: len(due)]
        return [line for one in due for line in _lines(entries[one], indent)]

    top = starts[0]
    while lines[top - 1].lstrip().startswith("#") and lines[top - 1].startswith(" " * indent):
        top -= 1  # comments right above the first entry are its own
    out = [*lines[:top], *before(names[0]), *lines[top : starts[0]]]
    for start, end, name, after, limit in zip(
        starts, ends, names, [*names[1:], None], [*starts[1:], len(lines)], strict=True
    ):
        out += [*_kept(lines[start:end], entries.get(name), indent), *before(after), *lines[end:limit]]
    return out


def _end(lines: Sequence[str], start: int, limit: int, indent: int) -> int:
    """The line after the last of an entry: what is deeper than its dash. Comments at the dash are of the next one."""
    end = start + 1
    for at in range(start + 1, limit):
        bare = lines[at].strip()
        deeper = len(lines[at]) - len(lines[at].lstrip(" ")) > indent
        if bare and not deeper and not bare.startswith("#"):
            break
        if bare and deeper:
            end = at + 1
    return end


def _kept(old: Sequence[str], entry: Entry | None, indent: int) -> list[str]:
    """The old lines, or the new ones under the comments that people left in the old entry."""
    if entry is None:
        return list(old)
    comments = [comment for line in old if (comment := _comment(line)) and comment != f"# {entry.comment}"]
    return [*(" " * indent + comment for comment in comments), *_lines(entry, indent)]


def _comment(line: str) -> str:
    """The comment of a line, or "". A ``#`` in a long plain text may be taken for one: it is then kept, never lost."""
    match = re.search(r"(?:^|\s)(#.*)$", line)
    return match[1].rstrip() if match and line[: match.start()].count('"') % 2 == 0 else ""


def _lines(entry: Entry, indent: int) -> list[str]:
    out: list[str] = []
    for key, value in entry.values.items():
        comment = f"  # {entry.comment}" if entry.comment and not out else ""
        mark = "  " if out else "- "
        if isinstance(value, list):
            out.append(f"{mark}{key}:")
            out += [f"    - {_inline(item)}" for item in value]
        else:
            out.append(f"{mark}{key}: {value if key in _DATES else quoted(value)}{comment}")
    return [" " * indent + line for line in out]


def _inline(item: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {quoted(value)}" for key, value in item.items()) + "}"


def quoted(text: str) -> str:
    """A double-quoted scalar, which YAML and JSON write alike; what cannot be seen as an escape."""
    return _UNSEEN.sub(lambda one: f"\\u{ord(one.group()):04x}", json.dumps(text, ensure_ascii=False))
