# SPDX-License-Identifier: EUPL-1.2
"""Rules as written, read into `Rule`: ids from paths, ``$ref`` into profiles inlined, rules of a body's own over the shipped.

Shipped rules are trusted here, so that start-up stays light: the tests and ``rules lint`` check them. A body's own rules
are checked whole when read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from nis2check.errors import InputError, Path_, Place
from nis2check.files import Document, check, load_yaml, shipped
from nis2check.language import _
from nis2check.model import Json, Kind, Location, Reference, Rule, Severity
from nis2check.rules.assertions import check_assertion, near

_ID = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*\Z")
_REF = re.compile(r"(profiles/[a-z0-9][a-z0-9-]*\.yaml)#((?:/[A-Za-z0-9_.-]+)+)\Z")
_DEEPEST_REF = 8  # a profile may refer to another; a circle may not


def load(known_facts: Collection[str], folders: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """The shipped rules and those of ``folders`` (a body's ``policies:``), sorted by id.

    ``known_facts`` are the names that probes and readers declare: a rule of a body's own that names another is refused.
    Raises InputError with file and line for any fault of a body's own rule.
    """
    rules = {rule.id: rule for rule in shipped_rules()}
    for folder in folders:
        for document, rule_id in rule_files(folder):
            rule = check_rule(document, rule_id, known_facts, _Profiles((folder, shipped("policies"))))
            _place_own(rules, rule, document)
    return tuple(rules[rule_id] for rule_id in sorted(rules))


def shipped_rules() -> tuple[Rule, ...]:
    """The rules that come with nis2check, sorted by id."""
    return _rules_of(shipped("policies"))


@lru_cache(maxsize=1)
def _rules_of(policies: Path) -> tuple[Rule, ...]:
    """Read once a process: a rule does not change, and reading them all is a third of what a check costs in a checkout."""
    profiles = _Profiles((policies,))
    return tuple(_rule(document, rule_id, profiles) for document, rule_id in shipped_files(ours=True))


def shipped_files(*, ours: bool = False) -> Iterator[tuple[Document, str]]:
    """The files of the shipped rules with their ids; their names are given as from the top of the project. ``ours``: trust
    them, which costs their lines when a wheel was built with them."""
    folder = shipped("policies") / "rules"
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        yield load_yaml(path, name=f"policies/rules/{name}", ours=ours), name.removesuffix(".yaml")


def rule_files(folder: Path) -> Iterator[tuple[Document, str]]:
    """The rule files of a body's own folder, read, with their ids. Raises InputError at the first that cannot be read."""
    for path, rule_id in rule_paths(folder):
        yield load_yaml(path), rule_id


def rule_paths(folder: Path) -> Iterator[tuple[Path, str]]:
    """The rule files of a body's own folder with their ids. ``profiles/`` holds shared lists, not rules."""
    if not folder.is_dir():
        raise InputError(_("Dossier de règles introuvable."), place=Place(str(folder)))
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    paths = [path for path in paths if path.relative_to(folder).parts[0] != "profiles"]
    if not paths:
        raise InputError(_("Aucune règle (*.yaml) dans ce dossier."), place=Place(str(folder)))
    for path in paths:
        rule_id = path.relative_to(folder).with_suffix("").as_posix()
        if not _ID.match(rule_id):
            what = _("Nom de règle refusé : minuscules sans accent, chiffres et tirets.")
            raise InputError(what, place=Place(str(path)))
        yield path, rule_id


def version() -> str:
    """The version of the shipped rules: a date, since their sources change by date."""
    return (shipped("policies") / "rules" / "VERSION").read_text(encoding="ascii").strip()


def digest(rules: Sequence[Rule]) -> str:
    """SHA-256 (hex) of what the rules say, wherever their files lie."""
    import json
    from hashlib import sha256

    said = [as_json(rule) for rule in sorted(rules, key=lambda rule: rule.id)]
    # Not canonical(): indented, it takes ten times as long.
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_json(rule: Rule) -> dict[str, Json]:
    """A rule as plain values: what ``rules show --json`` prints and `digest` hashes. No place: it differs by machine."""
    return {
        "id": rule.id,
        "title": dict(rule.title),
        "severity": str(rule.severity),
        "references": [{"source": r.source, "clause": r.clause, "strength": r.strength} for r in rule.references],
        "targets": str(rule.targets),
        "when": dict(rule.when),
        "unless": dict(rule.unless),
        "expect": dict(rule.expect),
        "why": dict(rule.why),
        "impact": dict(rule.impact),
        "limits": dict(rule.limits),
        "remediation": dict(rule.remediation),
        "effort": rule.effort,
        "fix": rule.fix,
        "examples": dict(rule.examples),
    }


# ---------------------------------------------------------------------------------------------------------- one rule


def check_rule(document: Document, rule_id: str, known_facts: Collection[str], profiles: _Profiles) -> Rule:
    """Check one rule file whole: schema, facts, assertions, examples' names. Raises InputError with its line."""
    check(document, "rule")
    rule = _rule(document, rule_id, profiles)
    for section, assertions in (("when", rule.when), ("unless", rule.unless), ("expect", rule.expect)):
        for name, schema in assertions.items():
            if name not in known_facts:
                what = _("Fait inconnu : « {name} » ; aucune sonde ne le produit.").format(name=name)
                raise InputError(what + near(name, known_facts), place=document.place((section, name)))
            check_assertion(schema, document, (section, name))
    used = rule.when.keys() | rule.unless.keys() | rule.expect.keys()
    for verdict, examples in rule.examples.items():
        for index, example in enumerate(examples):
            for name in sorted(example.keys() - used):
                what = _("L'exemple nomme « {name} », que la règle ne lit pas.").format(name=name)
                place = document.place(("examples", verdict, index, name))
                raise InputError(what + near(name, used), place=place)
    return rule


def own_profiles(folder: Path) -> _Profiles:
    """Where a rule of ``folder`` finds ``profiles/…``: its own first, then the shipped ones."""
    return _Profiles((folder, shipped("policies")))


def _rule(document: Document, rule_id: str, profiles: _Profiles) -> Rule:
    data = document.data
    return Rule(
        id=rule_id,
        title=data["title"],
        severity=Severity(data["severity"]),
        references=tuple(Reference(r["source"], r["clause"], r["strength"]) for r in data["references"]),
        targets=Kind(data["targets"]),
        expect=profiles.inline(data["expect"], document, ("expect",)),
        when=profiles.inline(data.get("when", {}), document, ("when",)),
        why=data["why"],
        impact=data["impact"],
        limits=data["limits"],
        remediation=data["remediation"],
        effort=data["effort"],
        fix=data["fix"],
        examples=data["examples"],
        location=Location(document.file, 1),
        unless=profiles.inline(data.get("unless", {}), document, ("unless",)),
    )


def _place_own(rules: dict[str, Rule], rule: Rule, document: Document) -> None:
    """Add a body's own rule. An id is replaced only by name, so that a copied file never silences a shipped rule."""
    replaced = document.data.get("overrides")
    if replaced is not None:
        if replaced not in rules:
            what = _("Règle à remplacer inconnue : « {id} ».").format(id=replaced)
            raise InputError(what + near(replaced, rules), place=document.place(("overrides",)))
        del rules[replaced]
    if rule.id in rules:
        what = _("Règle « {id} » déjà définie dans {file}.").format(id=rule.id, file=rules[rule.id].location.file)
        advice = _("Pour la remplacer, écrire dans la règle : overrides: {id}").format(id=rule.id)
        raise InputError(what, place=document.place(), advice=advice)
    rules[rule.id] = rule


@dataclass(slots=True)
class _Profiles:
    """Shared lists: ``{$ref: profiles/anssi-tls.yaml#/suites}`` stands for the value found there."""

    folders: tuple[Path, ...]
    read: dict[str, Document] = field(default_factory=dict)

    def inline(self, value: Json, document: Document, path: Path_, depth: int = 0) -> Json:
        """The value with every ``$ref`` replaced: judging is then six times faster than following it each time."""
        if isinstance(value, list):
            return [self.inline(child, document, (*path, index), depth) for index, child in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "$ref" not in value:
            return {key: self.inline(child, document, (*path, key), depth) for key, child in value.items()}
        place = document.place((*path, "$ref"))
        if len(value) > 1:
            raise InputError(_("« $ref » s'emploie seul : sa valeur prend toute la place."), place=place)
        if depth >= _DEEPEST_REF:
            raise InputError(_("« $ref » en boucle."), place=place)
        return self._value(str(value["$ref"]), place, depth)

    def _value(self, ref: str, place: Place, depth: int) -> Json:
        found = _REF.match(ref)
        if not found:
            what = _("Renvoi refusé : « {ref} » ; attendu : profiles/nom.yaml#/clé.").format(ref=ref)
            raise InputError(what, place=place)
        profile = self._profile(found.group(1), place)
        value = profile.data
        steps = found.group(2).split("/")[1:]
        for step in steps:
            if not isinstance(value, dict) or step not in value:
                keys = [str(key) for key in value] if isinstance(value, dict) else []
                what = _("« {step} » n'est pas dans {file}.").format(step=step, file=found.group(1))
                raise InputError(what + near(step, keys), place=place)
            value = value[step]
        return self.inline(value, profile, tuple(steps), depth + 1)

    def _profile(self, name: str, place: Place) -> Document:
        if name not in self.read:
            paths = [folder / name for folder in self.folders]
            path = next((path for path in paths if path.is_file()), None)
            if path is None:
                known = [f"profiles/{one.name}" for one in (self.folders[-1] / "profiles").glob("*.yaml")]
                what = _("Profil introuvable : « {name} ».").format(name=name)
                raise InputError(what + near(name, known), place=place)
            self.read[name] = load_yaml(path, name=name, ours=path.is_relative_to(shipped("policies")))
        return self.read[name]
