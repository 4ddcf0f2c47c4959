# SPDX-License-Identifier: EUPL-1.2
"""YAML and JSON in, results out, and where policies/ and schemas/ lie.

Rules for this file: input is hostile and capped (how YAML is read: `strict_yaml`); every fault names file, line and path;
a result is written aside, flushed, then renamed, so that the old file stays whole.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from nis2check import strict_yaml
from nis2check.errors import InputError, Path_, Place, WriteError, dotted
from nis2check.language import _, reason
from nis2check.model import Json

PACKAGE = Path(__file__).parent

LARGEST = 5 << 20  # bytes of one YAML file of a user
LARGEST_JSON = 256 << 20  # evidence and results of a large body


def shipped(name: str) -> Path:
    """The folder ``policies`` or ``schemas``: inside the package in a wheel, beside it in a checkout or editable install."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


@dataclass(frozen=True, slots=True)
class Document:
    """One file as plain values, and the line on which each value starts (from 1)."""

    data: Json
    file: str
    lines: Mapping[Path_, int] = field(default_factory=dict)

    def place(self, path: Path_ = ()) -> Place:
        """The place of a value: the nearest line known, and its path as ``targets.web[0]``."""
        at = path
        while at and at not in self.lines:
            at = at[:-1]
        return Place(self.file, self.lines.get(at), dotted(path))

    def line(self, path: Path_) -> int:
        return self.place(path).line or 1


def read_bytes(path: Path | str, largest: int = LARGEST) -> bytes:
    """The bytes of a regular file. Raises InputError: missing, unreadable, not regular, too large."""
    file = str(path)
    try:
        # O_NONBLOCK so that a FIFO given by mistake does not wait for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise InputError(_("Fichier illisible : {reason}.").format(reason=reason(error)), place=Place(file)) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # before fdopen, which refuses a folder in its own words
        os.close(handle)
        raise InputError(_("Ce n'est pas un fichier ordinaire."), place=Place(file))
    with os.fdopen(handle, "rb") as stream:
        data = stream.read(largest + 1)
    if len(data) > largest:
        size = f"{largest >> 20} Mio"
        raise InputError(_("Fichier trop grand (plus de {size}).").format(size=size), place=Place(file))
    return data


def _decode(data: bytes, file: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(_("Fichier en UTF-16 : l'enregistrer en UTF-8."), place=Place(file))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(_("Ce n'est pas de l'UTF-8."), place=Place(file, line)) from None


# ------------------------------------------------------------------------------------------------------------- YAML


COMPILED = "compiled.json"  # of policies/, written when a wheel is built (tools/compile_policies.py)


@lru_cache(maxsize=1)
def _compiled() -> Mapping[str, Json]:
    """The shipped YAML files by path, already parsed: hundreds of small files cost more than half of a check. By the build
    of the wheel; in a checkout by an earlier run, as long as no file changed."""
    folder = shipped("policies")
    try:
        parsed = json.loads((folder / COMPILED).read_bytes())
    except OSError:
        parsed = _kept(folder, PACKAGE / "__pycache__" / f"policies.{sys.implementation.cache_tag}.json")
    return {str(folder / name): value for name, value in parsed.items()}


def _kept(folder: Path, cache: Path) -> Mapping[str, Json]:
    """The YAML files of a folder by name within it, kept and trusted as Python keeps modules (size and time of each file,
    of this one too). A cache that cannot be read or written costs time, never a check."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.yaml"))}
    seen = {name: path.stat() for name, path in [*found.items(), ("", Path(__file__))]}
    stamp = [[name, one.st_mtime_ns, one.st_size] for name, one in seen.items()]
    try:
        kept = json.loads(cache.read_bytes())
        if kept["of"] == stamp:
            parsed: Mapping[str, Json] = kept["parsed"]
            return parsed
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if sys.dont_write_bytecode:
        return {}
    try:
        parsed = {
            name: parse_yaml(_decode(read_bytes(path), name), name, ours=True).data for name, path in found.items()
        }
        write_aside(cache, json.dumps({"of": stamp, "parsed": parsed}, separators=(",", ":")).encode())
    except (InputError, WriteError):
        return {}  # whoever reads that file is told
    return parsed


def load_yaml(path: Path | str, *, name: str | None = None, ours: bool = False) -> Document:
    """Read a YAML file of one document. ``name`` is the file name to report; ``ours``: shipped with nis2check, and then
    without lines when the wheel holds it already parsed."""
    if ours and (parsed := _compiled().get(str(path))) is not None:
        return Document(parsed, name or str(path))
    return parse_yaml(_decode(read_bytes(path), name or str(path)), name or str(path), ours=ours)


def parse_yaml(text: str, file: str, *, ours: bool = False) -> Document:
    """The one document of a YAML text, strictly (`strict_yaml`). Raises InputError."""
    data, lines = strict_yaml.parse(text, file, ours=ours)
    return Document(data, file, lines)


# ------------------------------------------------------------------------------------------------------------- JSON


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # add() gives None, so the or goes on
        raise ValueError(_("clé répétée : « {key} »").format(key=twice))
    return out


def _no_constant(name: str) -> Json:
    raise ValueError(_("{name} n'est pas du JSON").format(name=name))


def load_json(path: Path | str, *, largest: int = LARGEST_JSON) -> Document:
    """Read a strict JSON file: no duplicate key, no NaN, bounded depth and size."""
    return parse_json(read_bytes(path, largest), str(path))


def parse_json(data: bytes, file: str) -> Document:
    """Strict JSON from bytes. ``file`` is the name to report."""
    text = _decode(data, file)
    try:
        value = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = _("JSON mal formé ou tronqué (colonne {column}).").format(column=error.colno)
        raise InputError(what, place=Place(file, error.lineno)) from None
    except ValueError as error:
        raise InputError(_("JSON refusé : {problem}.").format(problem=error), place=Place(file)) from None
    except RecursionError:
        raise InputError(_("JSON refusé : trop de niveaux."), place=Place(file)) from None
    return Document(value, file)


# Characters that JSON allows raw but that hide, reorder or command on a terminal (a result is often just printed).
_UNSEEN = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")


def canonical(value: Json) -> bytes:
    """The canonical bytes of a JSON value: sorted keys, UTF-8, two spaces, a final newline. The same value, the same bytes.

    What a terminal would obey is written as ``\\uXXXX``: the value that a reader gets is the same.
    """
    text = _laid(value, "\n")
    return (_UNSEEN.sub(lambda one: f"\\u{ord(one.group()):04x}", text) + "\n").encode()


def _laid(value: Json, margin: str) -> str:
    """What ``json.dumps(ensure_ascii=False, sort_keys=True, indent=2)`` writes, in a third of its time: its C encoder does
    not know how to indent. ``margin`` is a newline and the spaces that lines of this depth begin with."""
    if isinstance(value, str):
        return encode_basestring(value)
    deeper = margin + "  "
    if isinstance(value, dict) and value:
        items = [
            f"{encode_basestring(key)}: {encode_basestring(one) if type(one) is str else _laid(one, deeper)}"
            for key, one in sorted(value.items())
        ]
        return f"{{{deeper}{f',{deeper}'.join(items)}{margin}}}"
    if isinstance(value, list | tuple) and value:
        items = [encode_basestring(one) if type(one) is str else _laid(one, deeper) for one in value]
        return f"[{deeper}{f',{deeper}'.join(items)}{margin}]"
    if value is None or type(value) is int:
        return "null" if value is None else str(value)
    return json.dumps(value, allow_nan=False)  # true, false, other numbers, and what is empty


# ---------------------------------------------------------------------------------------------------------- schemas


@lru_cache(maxsize=16)
def schema(name: str) -> Mapping[str, Json]:
    """A shipped schema by its short name: ``body``, ``rule``, ``regime``, ``evidence``, ``result``, ``scope``…"""
    data: Mapping[str, Json] = json.loads((shipped("schemas") / f"{name}.schema.json").read_bytes())
    return data


def check(document: Document, name: str) -> None:
    """Check a document against a shipped schema. All faults are named at once, the first in full, in the order of lines."""
    told = faults(document, name)
    if told:
        more = tuple(f"{place}: {what}" for place, what in told[1:20])
        raise InputError(told[0][1], place=told[0][0], more=more)


def faults(document: Document, name: str) -> list[tuple[Place, str]]:
    """What a document has against a shipped schema: places and French sentences, in the order of lines."""
    import jsonschema

    wanted = schema(name)["properties"].get("schema", {}).get("const")
    given = document.data.get("schema") if isinstance(document.data, dict) else None
    if wanted and isinstance(given, str) and given != wanted:  # all that another kind of file lacks would only confuse
        what = _("Ce fichier est un « {given} » ; il faut un « {wanted} ».").format(given=given[:60], wanted=wanted)
        return [(document.place(("schema",)), what)]
    told: list[tuple[int, str, Place]] = []
    for fault in _leaves(jsonschema.Draft202012Validator(schema(name)).iter_errors(document.data)):
        path: Path_ = tuple(fault.absolute_path)
        place = document.place((*path, _unknown_keys(fault)[0]) if fault.validator == "additionalProperties" else path)
        told.append((place.line or 0, _explain(fault), place))
    told.sort(key=lambda t: (t[0], t[1]))
    return [(place, what) for _line, what, place in told]


def _leaves(errors: Iterator[Any]) -> Iterator[Any]:
    """The faults a person can act on: the best branch of an anyOf/oneOf rather than its wrapper."""
    from jsonschema.exceptions import best_match

    for error in errors:
        leaf = best_match([error])
        yield leaf if leaf is not None else error


def _unknown_keys(fault: Any) -> list[str]:
    known = set(fault.schema.get("properties", {}))
    return sorted(key for key in fault.instance if key not in known) or [""]


def _explain(fault: Any) -> str:
    """One French sentence for a schema fault; the schema's own ``errorMessage`` wins."""
    shown = json.dumps(fault.instance, ensure_ascii=False)
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    own = fault.schema.get("errorMessage") if isinstance(fault.schema, dict) else None
    if isinstance(own, str) and fault.validator not in {"required", "additionalProperties"}:
        return _("{message} (lu : {shown})").format(message=own.rstrip("."), shown=shown) + "."
    match fault.validator:
        case "additionalProperties":
            key = _unknown_keys(fault)[0]
            near = difflib.get_close_matches(key, list(fault.schema.get("properties", {})), 1)
            text = _("Clé inconnue : « {key} »").format(key=key)
            return text + (_(" ; vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ".")
        case "required":
            key = fault.message.split("'")[1]  # one fault a key: 'name' is a required property
            return _("Il manque la clé « {key} ».").format(key=key)
        case "type":
            kind = fault.validator_value
            kinds = " | ".join(kind) if isinstance(kind, list) else str(kind)
            return _("Type inattendu : {shown} ; attendu : {kinds}.").format(shown=shown, kinds=kinds)
        case "enum":
            words = [str(word) for word in fault.validator_value]
            near = difflib.get_close_matches(str(fault.instance), words, 1)
            text = _("Valeur inconnue : {shown} ; attendu : {words}.").format(shown=shown, words=", ".join(words[:20]))
            return text + (" " + _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else "")
        case "pattern":
            return _("Valeur mal formée : {shown} ; attendu : {pattern}.").format(
                shown=shown, pattern=fault.validator_value
            )
        case _:
            return _("Valeur refusée : {shown} ({rule} : {value}).").format(
                shown=shown, rule=fault.validator, value=str(fault.validator_value)[:60]
            )


# ------------------------------------------------------------------------------------------------------------ output


def write_aside(path: Path | str, data: bytes) -> None:
    """Write a file so that the old one stays whole until the new one is safely on disk. Raises WriteError.

    A path that exists and is not a regular file (``/dev/full``, a FIFO) is written in place: there is nothing to rename.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                stream.write(data)
            return
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        try:
            temporary.unlink(missing_ok=True)
        except OSError:
            pass
        what = _("Écriture impossible : {reason}.").format(reason=reason(error))
        raise WriteError(what, place=Place(str(path))) from None


def write_stdout(data: bytes) -> None:
    """Write a result on standard output and see the error of a full disk or a closed pipe. Raises WriteError."""
    if sys.stdout is None:  # closed before we started
        raise WriteError(_("Sortie standard fermée : le résultat n'a pas pu être écrit."))
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except (OSError, ValueError) as error:
        what = _("Sortie standard : écriture impossible ({reason}).").format(reason=reason(error))
        raise WriteError(what) from None
