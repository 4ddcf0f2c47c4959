# SPDX-License-Identifier: EUPL-1.2
"""What is wrong with rules, as a list: for authors, the tests and ``rules lint``. Nothing here changes a verdict.

A body's own rules are held to what could mislead a judgement; the shipped ones also to their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nis2check.errors import InputError, Place
from nis2check.files import Document, load_yaml, shipped
from nis2check.files import faults as schema_faults
from nis2check.language import _
from nis2check.model import FactSpec, Json, Kind, Rule, Severity, Text
from nis2check.rules.assertions import implied_types, near
from nis2check.rules.judge import judge_examples
from nis2check.rules.load import check_rule, load, own_profiles, rule_files, rule_paths, shipped_files
from nis2check.rules.references import sources

LONGEST_SENTENCE = 25  # words that an elected official reads in one breath
_WORDS = ("title", "why", "impact", "limits", "remediation")
_NOT_LIVE = (Kind.FILE, Kind.BODY)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend: a French sentence and its place."""

    place: Place
    what: str


def lint_shipped(specs: Mapping[str, FactSpec]) -> tuple[int, list[Fault]]:
    """How many shipped rules there are, and their faults; a fact that no rule uses must be named as information."""
    faults: list[Fault] = []
    used: set[str] = set()
    files = list(shipped_files())
    for document, rule_id in files:
        rule, found = _checked(document, rule_id, shipped("policies"), specs)
        faults += found
        if rule is not None:
            used |= rule.when.keys() | rule.unless.keys() | rule.expect.keys()
            faults += [*_languages(rule, document), *_clauses(rule, document), *_impact(rule, document)]
            faults += [*_severity(rule, document), *_typography(rule, document)]
    return len(files), faults + list(_unused(used, specs))


def lint_folder(folder: Path, specs: Mapping[str, FactSpec]) -> tuple[int, list[Fault]]:
    """How many rules a body has of its own and their faults. It may cite texts of its own, and write in French alone."""
    faults: list[Fault] = []
    paths = list(rule_paths(folder))
    for path, rule_id in paths:
        try:
            document = load_yaml(path)
        except InputError as error:
            faults.append(Fault(error.place or Place(str(path)), error.what))
            continue
        rule, found = _checked(document, rule_id, folder, specs)
        faults += found
        if rule is not None:
            faults += list(_clauses(rule, document, own=True))
    if not faults:
        try:
            load(specs, (folder,))
        except InputError as error:  # an id taken, or a rule to replace that does not exist
            faults.append(Fault(error.place or Place(str(folder)), " ".join(filter(None, [error.what, error.advice]))))
    return len(paths), faults


def failing_examples(folder: Path | None, specs: Mapping[str, FactSpec]) -> tuple[int, int, list[Fault]]:
    """How many rules and examples were tried, and the examples that do not come out as written.

    Raises InputError for a rule that cannot be loaded: nothing of it can be tried.
    """
    faults: list[Fault] = []
    rules = examples = 0
    for document, rule_id in shipped_files() if folder is None else rule_files(folder):
        rule = check_rule(document, rule_id, specs, own_profiles(folder or shipped("policies")))
        rules += 1
        examples += sum(len(each) for each in rule.examples.values())
        faults += _examples(rule, document)
    return rules, examples, faults


def _checked(
    document: Document, rule_id: str, folder: Path, specs: Mapping[str, FactSpec]
) -> tuple[Rule | None, list[Fault]]:
    against_schema = [Fault(place, what) for place, what in schema_faults(document, "rule")]
    if against_schema:
        return None, against_schema
    try:
        rule = check_rule(document, rule_id, specs, own_profiles(folder))
    except InputError as error:
        return None, [Fault(error.place or Place(document.file), error.what)]
    return rule, [*_types(rule, document, specs), *_examples(rule, document), *_conditions(rule, document)]


def _types(rule: Rule, document: Document, specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    """``minimum`` on a fact that is a list would never judge anything."""
    for section, assertions in (("when", rule.when), ("unless", rule.unless), ("expect", rule.expect)):
        for name, schema in assertions.items():
            makes = specs[name].type
            fact = {makes} if isinstance(makes, str) else set(makes)
            asked = set(_asked_types(schema))
            if asked and not asked & (fact | ({"number"} if "integer" in fact else set())):
                what = _("« {name} » est de type {fact} ; l'assertion parle de {asked}.").format(
                    name=name, fact=", ".join(sorted(fact)), asked=", ".join(sorted(asked))
                )
                yield Fault(document.place((section, name)), what)


def _asked_types(schema: Json) -> Sequence[str]:
    if not isinstance(schema, dict):
        return ()
    kind = schema.get("type")
    if kind is not None:
        return kind if isinstance(kind, list) else [kind]
    if isinstance(schema.get("const"), bool):
        return ["boolean"]
    return sorted(implied_types(schema))


def _examples(rule: Rule, document: Document) -> Iterator[Fault]:
    for expected, index, found in judge_examples(rule):
        what = _("L'exemple attendu « {expected} » donne « {found} ».").format(expected=expected, found=found)
        yield Fault(document.place(("examples", expected, index)), what)


def _conditions(rule: Rule, document: Document) -> Iterator[Fault]:
    if rule.when and "not_applicable" not in rule.examples:
        yield Fault(document.place(("when",)), _("Une règle qui a « when » montre un exemple « not_applicable »."))


def _clauses(rule: Rule, document: Document, *, own: bool = False) -> Iterator[Fault]:
    for index, reference in enumerate(rule.references):
        place = document.place(("references", index))
        source = sources().get(reference.source)
        if source is None:
            if not own:
                what = _("Source inconnue : « {id} ».").format(id=reference.source)
                yield Fault(place, what + near(reference.source, sources()))
        elif reference.clause not in source.clauses:
            what = _("« {source} » n'a pas de clause « {clause} ».").format(
                source=reference.source, clause=reference.clause
            )
            yield Fault(place, what + near(reference.clause, source.clauses))
        elif reference.source == "recyf" and reference.strength != "indicator":
            # DESIGN 3: a probe gives evidence for a measure, an attestation answers it.
            yield Fault(place, _("Une règle n'est qu'un indice (indicator) pour une mesure de ReCyF."))


# ------------------------------------------------------------------------------------------------------------ wording


def _texts(rule: Rule) -> Iterator[tuple[str, Text]]:
    for word in _WORDS:
        text: Text = getattr(rule, word)
        yield word, text


def _languages(rule: Rule, document: Document) -> Iterator[Fault]:
    for word, text in _texts(rule):
        if not text.get("en"):
            yield Fault(document.place((word,)), _("Il manque l'anglais."))


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_TECHNICAL = re.compile(r"\d{2,}|\w\.\w|://|\b[A-Z]{3,}\b|«")


def _impact(rule: Rule, document: Document) -> Iterator[Fault]:
    """Words for elected officials: short sentences about services, without host, number, product or acronym (ux 5.3)."""
    place = document.place(("impact", "fr"))
    for sentence in _SENTENCE_END.split(rule.impact["fr"]):
        if len(sentence.split()) > LONGEST_SENTENCE:
            yield Fault(place, _("Phrase de plus de {n} mots : {text}").format(n=LONGEST_SENTENCE, text=sentence))
    technical = _TECHNICAL.search(rule.impact["fr"])
    if technical:
        yield Fault(place, _("Terme technique dans « impact » : {word}").format(word=technical.group()))


def _severity(rule: Rule, document: Document) -> Iterator[Fault]:
    """ANSSI's "+" levels go beyond its base: an improvement, never a gap that stops a pipeline."""
    beyond = [r.clause for r in rule.references if r.source.startswith("anssi-") and r.clause.endswith("+")]
    if beyond and rule.severity not in (Severity.LOW, Severity.INFO):
        what = _("Un niveau « + » ({clause}) ne dépasse pas la gravité « low ».").format(clause=beyond[0])
        yield Fault(document.place(("severity",)), what)


_QUOTED = re.compile(r"«[^»]*»|https?://\S+")
_BAD_FRENCH = re.compile('\\w[:;!?](?=\\s)|[\u00a0\u202f]|\\.\\.\\.|["“”]|\\be-?mail')


def _typography(rule: Rule, document: Document) -> Iterator[Fault]:
    """Plain spaces before ``: ; ! ?`` in the files; no-break ones are put at output."""
    for word, text in _texts(rule):
        found = _BAD_FRENCH.search(_QUOTED.sub("", text["fr"]))
        if found:
            what = _("Typographie française : « {text} ».").format(text=found.group())
            yield Fault(document.place((word, "fr")), what)


def _unused(used: set[str], specs: Mapping[str, FactSpec]) -> Iterator[Fault]:
    document = load_yaml(shipped("policies") / "information.yaml", name="policies/information.yaml")
    for name in sorted(specs.keys() - used - document.data.keys()):
        yield Fault(document.place(), _("Le fait « {name} » ne sert à aucune règle.").format(name=name))
    for name in sorted(document.data.keys() & used):
        yield Fault(document.place((name,)), _("Le fait « {name} » sert à une règle.").format(name=name))
