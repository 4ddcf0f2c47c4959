# SPDX-License-Identifier: EUPL-1.2
"""``nis2check attest``: answer the measures that no machine can see, with proofs; send the questions out, take answers in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli import judging
from nis2check.cli.exits import Exit
from nis2check.errors import InputError, Place
from nis2check.language import _, pick, plural, say
from nis2check.model import Json

if TYPE_CHECKING:
    from nis2check.attest.due import Question
    from nis2check.attest.merge import Merge
    from nis2check.cli.desk import Desk

ANSWERS = ("yes", "partial", "no", "unknown", "not_applicable")


@click.command(
    "attest",
    help=say(_("Répondre aux mesures qu'aucune machine ne voit : ce qui n'a pas de réponse, a expiré ou va expirer.")),
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--measure", metavar="ID", help=_("La mesure à laquelle répondre, par exemple 13.2."))
@click.option("--answer", type=click.Choice(ANSWERS), help=_("La réponse."))
@click.option("--by", default="", metavar="WHO", help=_("Qui répond."))
@click.option("--role", default="", help=_("Sa fonction."))
@click.option(
    "--proof", "files", multiple=True, type=click.Path(path_type=Path), help=_("Fichier de preuve, déposé (répétable).")
)
@click.option("--reference", "references", multiple=True, help=_("Document tenu ailleurs (répétable)."))
@click.option("--until", default="", metavar="DATE", help=_("Fin de validité (AAAA-MM-JJ)."))
@click.option("--reason", default="", help=_("Ce qui manque, ou pourquoi la mesure est sans objet."))
@click.option("--list", "listing", is_flag=True, help=_("Lister ce qui est à répondre."))
@click.option(
    "--export", "export_path", type=click.Path(path_type=Path), help=_("Écrire le questionnaire (.ods ou .xlsx).")
)
@click.option("--import", "import_path", type=click.Path(path_type=Path), help=_("Reprendre un questionnaire rempli."))
@click.option("--verify", is_flag=True, help=_("Vérifier le journal et les fichiers de preuve."))
@click.option("--all", "everything", is_flag=True, help=_("Exporter aussi les mesures à jour."))
@click.option("--replace", is_flag=True, help=_("Remplacer ce qui diffère (réponse, preuve, fichier exporté)."))
@click.option("--no-input", is_flag=True, help=_("Ne jamais poser de question."))
@click.option("--on", "day", metavar="DATE", help=_("Répondre comme si l'on était ce jour (AAAA-MM-JJ)."))
@click.option("--json", "as_json", is_flag=True, help=_("Écrire le résultat en JSON (nis2check.attest/1…)."))
def command(
    file: Path | None,
    measure: str | None,
    answer: str | None,
    listing: bool,
    export_path: Path | None,
    import_path: Path | None,
    verify: bool,
    day: str | None,
    **options: Json,
) -> int:
    from nis2check.cli.desk import Desk

    given = {
        "--measure": measure is not None or answer is not None,
        "--list": listing,
        "--export": export_path is not None,
        "--import": import_path is not None,
        "--verify": verify,
    }
    if len(chosen := [name for name, asked in given.items() if asked]) > 1:
        raise InputError(_("Choisir une seule action : {options}.").format(options=", ".join(chosen)))
    desk = Desk(file, judging.day(day))
    if given["--measure"]:
        return _answer(desk, measure, answer, options)
    if export_path is not None:
        return _export(desk, export_path, everything=options["everything"], replace=options["replace"])
    if import_path is not None:
        return _import(desk, import_path, replace=options["replace"], as_json=options["as_json"])
    if verify:
        return _verify(desk, as_json=options["as_json"])
    return _ask(desk, options, listing=listing)


def _ask(desk: Desk, options: dict[str, Json], *, listing: bool) -> int:
    """The list, or the interview when a person is there. 2 when a proof is no longer what was deposited."""
    from nis2check.attest.due import Due
    from nis2check.cli.desk import tell
    from nis2check.cli.interview import interview

    facts = desk.facts()
    questions = desk.questions(facts)
    if listing or options["as_json"]:
        _list(desk, questions, as_json=options["as_json"])
    elif questions:
        if options["no_input"] or sys.stdin is None or not sys.stdin.isatty():
            raise InputError(
                plural("{n} mesure à répondre.", "{n} mesures à répondre.", len(questions)),
                advice=_("Sans terminal : --measure 13.2 --answer yes --by … --proof …, ou --export puis --import."),
            )
        interview(desk, questions, options["by"])
        facts = desk.facts()
        questions = desk.questions(facts)
    tell(desk.summary(facts))
    tampered = [question for question in questions if question.due is Due.TAMPERED]
    for question in tampered:
        tell(_("{name} : {text}").format(name=question.measure.id, text=question.reason))
    return Exit.USAGE if tampered else Exit.OK


# ---------------------------------------------------------------------------------------------------------- one answer


def _answer(desk: Desk, measure: str | None, answer: str | None, options: dict[str, Json]) -> int:
    """One answer by options. Raises InputError naming the option that is missing or wrong."""
    from nis2check.attest import answers
    from nis2check.cli.desk import described, tell

    if measure is None or answer is None:
        raise InputError(_("Il manque {option}.").format(option="--answer" if measure else "--measure"))
    found = desk.measure(measure)
    given = answers.Answer(
        found.id,
        answer,
        desk.on.isoformat(),
        by=options["by"],
        role=options["role"],
        until=options["until"],
        proof=tuple({"reference": one} for one in options["references"]),
        reason=options["reason"],
    )
    if what := answers.fault(given, proven=bool(options["files"])):
        hint = {"not_applicable": "--reason", "yes": "--proof, --reference, --by"}.get(answer, "")
        raise InputError(what, advice=_("Options : {options}.").format(options=hint) if hint else "")
    desk.record([(given, options["files"])], renew=options["replace"])
    tell(
        _("{measure} : {answer}, écrit dans {path}.").format(
            measure=found.id, answer=described(given), path=desk.path.name
        )
    )
    facts = desk.facts()
    questions = desk.questions(facts)
    for question in questions:
        if question.measure.id == found.id:  # answered, and yet asked: a yes without a proof, or one that soon ends
            tell(_("{name} : {text}").format(name=found.id, text=question.reason))
    if options["as_json"]:
        _list(desk, questions, as_json=True)
    tell(desk.summary(facts))
    return Exit.OK


# --------------------------------------------------------------------------------------------------------------- list


def _list(desk: Desk, questions: Sequence[Question], *, as_json: bool) -> None:
    from nis2check import files, language
    from nis2check.cli import outputs
    from nis2check.frameworks import ROLES

    if as_json:
        files.write_stdout(files.canonical(_listed(desk, questions)))
        return
    pen = outputs.pen(language.chosen())
    lines: list[str] = []
    for question in questions:
        measure = question.measure
        lines += pen.wrap(f"{measure.id:<8}{pen.own(pick(measure.title))}", "", " " * 8)
        who = pick(ROLES.get(measure.who, {"fr": ""}))
        text = _("{reason} Preuve : {proof}. Répond d'habitude : {who}. Une réponse vaut {months}.")
        months = plural("{n} mois", "{n} mois", measure.validity_months)
        told = text.format(reason=question.reason, proof=pick(measure.proof), who=who, months=months)
        lines += pen.wrap(pen.foreign(say(told)), " " * 8)
    outputs.print_text("".join(line + "\n" for line in lines))


def _listed(desk: Desk, questions: Sequence[Question]) -> dict[str, Json]:
    body = desk.scope.body
    return {
        "schema": "nis2check.attest/1",
        "on": desk.on.isoformat(),
        "body": {"siren": body.siren, "name": body.name},
        "regime": desk.scope.regime,
        "category": desk.scope.category.value,
        "framework": {"id": desk.framework.id, "version": desk.framework.version},
        "asked": len(desk.asked()),
        "questions": [
            {
                "measure": one.measure.id,
                "objective": one.measure.objective,
                "family": one.measure.family,
                "title": dict(one.measure.title),
                "expected": dict(one.measure.proof),
                "who": one.measure.who,
                "validity_months": one.measure.validity_months,
                "due": one.due.value,
                "reason": one.reason,
                "answer": one.answer or None,
                "until": one.until or None,
            }
            for one in questions
        ],
    }


# ------------------------------------------------------------------------------------------------------- spreadsheets


def _export(desk: Desk, path: Path, *, everything: bool, replace: bool) -> int:
    from nis2check.attest.questionnaire import sheet
    from nis2check.cli.desk import tell
    from nis2check.files import write_aside
    from nis2check.sheets.sheet import kind_of, write

    kind_of(path)
    if path.exists() and not replace:
        raise InputError(
            _("Le fichier existe déjà : il porte peut-être des réponses."),
            place=Place(str(path)),
            advice=_("Ajouter --replace pour le remplacer."),
        )
    questions = desk.questions(desk.facts())
    measures = desk.asked() if everything else tuple(question.measure for question in questions)
    if not measures:
        tell(_("Rien à demander : aucun questionnaire écrit."))
        return Exit.OK
    write_aside(path, write(path, sheet(measures, questions, desk.stored())))
    count = plural("{n} mesure", "{n} mesures", len(measures))
    tell(
        _("Écrit : {path} ({count}). Une fois rempli : nis2check attest --import {path}").format(path=path, count=count)
    )
    return Exit.OK


def _import(desk: Desk, path: Path, *, replace: bool, as_json: bool) -> int:
    """Take what is new or renewed; show what disagrees (1) and keep ours; on any fault, take nothing (2)."""
    from nis2check.attest.merge import merge
    from nis2check.attest.questionnaire import filled
    from nis2check.cli.desk import described, tell
    from nis2check.files import canonical, write_stdout
    from nis2check.sheets.sheet import read

    stored = desk.stored()
    rows = filled(read(path), path, desk.framework, stored, desk.folder, desk.on.isoformat())
    merged = merge(rows, stored, desk.questions(desk.facts()), replace=replace)
    desk.record([(one.answer, one.files) for one in merged.taken], renew=replace)
    facts = desk.facts()
    if as_json:
        counts = {verdict.value: count for verdict, count in desk.verdicts(facts).items()}
        write_stdout(canonical(_imported(merged) | {"measures": counts}))
    for one in merged.conflicts:
        text = _("Conflit, mesure {measure} : gardé {kept}, proposé {proposed}.")
        told = text.format(measure=one.kept.measure, kept=described(one.kept), proposed=described(one.proposed))
        tell(told)
    tell(_counts(merged))
    tell(desk.summary(facts))
    return Exit.GAPS if merged.conflicts else Exit.OK


def _counts(merged: Merge) -> str:
    said = (
        (merged.added, plural("{n} nouvelle", "{n} nouvelles", len(merged.added))),
        (merged.renewed, plural("{n} renouvelée", "{n} renouvelées", len(merged.renewed))),
        (merged.replaced, plural("{n} remplacée", "{n} remplacées", len(merged.replaced))),
        (merged.unchanged, plural("{n} inchangée", "{n} inchangées", len(merged.unchanged))),
        (merged.conflicts, _("{n} en conflit (--replace pour remplacer)").format(n=len(merged.conflicts))),
    )
    parts = [text for found, text in said if found]
    if not parts:
        return _("Aucune réponse dans ce classeur.")
    return _("Réponses reprises : {parts}.").format(parts=", ".join(parts))


def _imported(merged: Merge) -> dict[str, Json]:
    return {
        "schema": "nis2check.attest-import/1",
        "added": [one.answer.measure for one in merged.added],
        "renewed": [one.answer.measure for one in merged.renewed],
        "replaced": [one.answer.measure for one in merged.replaced],
        "unchanged": list(merged.unchanged),
        "conflicts": [{"kept": one.kept.values(), "proposed": one.proposed.values()} for one in merged.conflicts],
    }


# ------------------------------------------------------------------------------------------------------------- verify


def _verify(desk: Desk, *, as_json: bool) -> int:
    from nis2check.attest import proofs
    from nis2check.cli.desk import tell
    from nis2check.files import canonical, write_stdout

    facts = desk.facts()
    state = proofs.verify(desk.folder, facts)
    bare = sum(1 for fact in facts for one in fact.value["proof"] if "file" in one and "deposited" not in one)
    if as_json:
        problems = [
            {"kind": one.kind, "file": one.file, "measure": one.measure, "detail": one.what} for one in state.problems
        ]
        said = {"entries": state.entries, "head": state.head, "problems": problems, "not_deposited": bare}
        write_stdout(canonical({"schema": "nis2check.attest-verify/1"} | said))
    for one in state.problems:
        tell(_("{name} : {text}").format(name=one.measure, text=one.what) if one.measure else one.what)
    if bare:
        tell(
            plural(
                "{n} preuve citée sans dépôt : rien ne dirait si elle changeait.",
                "{n} preuves citées sans dépôt : rien ne dirait si elles changeaient.",
                bare,
            )
        )
    count = plural("{n} dépôt", "{n} dépôts", state.entries)
    if state.problems:
        found = plural("{n} anomalie", "{n} anomalies", len(state.problems))
        tell(_("Preuves : {count}, {found}.").format(count=count, found=found))
        return Exit.USAGE
    text = _("Preuves intactes : {count}. Empreinte de tête du journal, à noter ailleurs : {head}")
    tell(text.format(count=count, head=state.head))
    return Exit.OK
