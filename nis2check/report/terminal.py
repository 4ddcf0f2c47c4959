# SPDX-License-Identifier: EUPL-1.2
"""The gap report for a terminal: plain lines, worst first, what to do next last (wireframe: facts ux 5.1)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from nis2check import printing
from nis2check.language import _, plural, speaking
from nis2check.model import Json
from nis2check.report import beside, findings, reasons, words
from nis2check.report.findings import Group
from nis2check.report.pen import Pen

Document = Mapping[str, Json]

SHOWN_TARGETS = 6  # of one group without --all
SHOWN_UNKNOWN = 5  # groups that could not be told without --all
SHOWN_IMPORTED = 5  # rules of other tools without --all
SHOWN_PLACES = 3  # of each of them
TABLE = 60  # columns that the table of totals needs
MINOR = ("low", "info")  # counted rather than shown without --all


def render(
    document: Document,
    lang: str,
    *,
    width: int = 80,
    colour: bool = False,
    ascii: bool = False,
    all: bool = False,
    quiet: bool = False,
    report: str = "",
) -> str:
    """The whole report as text that ends with a newline. ``report`` is the path of a written HTML report to name;
    ``quiet`` leaves the balance alone."""
    with speaking(lang):
        pen = Pen(lang, max(width, 40), colour, ascii)
        if quiet:
            return "\n".join(_balance(document, pen)) + "\n"
        blocks = [
            _header(document, pen),
            *_findings(document, pen, all),
            *_rest(document, pen, all),
            _families(document, pen),
            _balance(document, pen),
            _gaps(document, pen),
            _imported(document, pen, all),
            _waivers(document, pen),
            _next(document, pen, report),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _header(document: Document, pen: Pen) -> list[str]:
    tool, framework = document["tool"], document["framework"]
    known = _("{tool} {version} · {framework} {edition} · règles {rules}").format(
        tool=tool["name"],
        version=pen.foreign(tool["version"]),
        framework="ReCyF" if framework["id"] == "recyf" else pen.foreign(framework["id"]),
        edition=pen.foreign(framework["version"]),
        rules=pen.foreign(tool["rules"]["version"]),
    )
    lines = pen.wrap(pen.own(known))
    if document["body"]:
        lines += _body(document["body"], pen)
    if document["scope"]:
        lines += _scope(document["scope"], pen)
    if not document["complete"]:
        lines += pen.wrap(pen.own(_("Analyse interrompue : ce qui suit est exact mais partiel.")))
    return lines


def _body(body: Mapping[str, Json], pen: Pen) -> list[str]:
    people = words.inhabitants(body.get("population"))
    name = pen.paint(pen.foreign(body["name"]), "bold")
    if people is None:
        return pen.wrap(name)
    return pen.wrap(name + pen.own(_(" · {n} habitants").format(n=printing.number(people, pen.lang))))


def _scope(scope: Mapping[str, Json], pen: Pen) -> list[str]:
    status = _("Statut présumé : {category}, selon le régime {regime}").format(
        category=words.category(scope["category"]), regime=pen.foreign(scope["regime"])
    )
    lines = pen.wrap(pen.own(status))
    for clause in scope["because"]:
        text = pen.foreign(words.spoken(clause["text"], pen.lang))
        sure = pen.own(words.confidence(clause["confidence"]))
        lines += pen.wrap(
            "- " + _("{name} : {text}").format(name=pen.foreign(clause["clause"]), text=f"{text} ({sure})"),
            "  ",
            "    ",
        )
    for missing in scope["missing"]:
        lines += pen.wrap(
            pen.own(_("- il manque : {fact}")).format(fact=pen.foreign(pen.own(words.missing(missing)))), "  ", "    "
        )
    law = pen.own(words.legal_status(scope["legal_status"], pen.lang))
    sure = pen.own(words.confidence(scope["legal_status"].get("confidence", "")))
    return lines + pen.wrap(f"{law} ({sure})" if sure else law)


# ---------------------------------------------------------------------------------------------------------- findings


def _findings(document: Document, pen: Pen, everything: bool) -> Iterator[list[str]]:
    if not everything:  # what was known before is counted rather than shown
        document = {**document, "findings": [one for one in document["findings"] if not beside.is_known(one)]}
    gaps = findings.groups(document, findings.GAPS)
    shown = [group for group in gaps if everything or group.severity not in MINOR]
    for group in shown:
        yield _group(document, group, pen, everything)
    hidden = sum(len(group.members) for group in gaps if group not in shown)
    if hidden:
        yield [pen.own(plural("… {n} écart mineur : --all", "… {n} écarts mineurs : --all", hidden))]
    unknown = findings.groups(document, ("unknown",))
    for group in unknown if everything else unknown[:SHOWN_UNKNOWN]:
        yield _group(document, group, pen, everything)
    left = sum(len(group.members) for group in unknown[SHOWN_UNKNOWN:])
    if left and not everything:
        yield [pen.own(plural("… {n} point indéterminé : --all", "… {n} points indéterminés : --all", left))]


def _rest(document: Document, pen: Pen, everything: bool) -> Iterator[list[str]]:
    """With --all: what is left to attest, what is right, what does not apply; one line each."""
    for verdict in ("to_attest", "pass", "not_applicable") if everything else ():
        lines: list[str] = []
        for group in findings.groups(document, (verdict,)):
            title = f"{pen.foreign(group.rule)}  {pen.foreign(group.title(document, pen.lang))}"
            lines += pen.wrap(f"{pen.sign(verdict)} {title}", "", "  ")
            live = [one for one in group.members if one["target"]["kind"] != "body"]
            lines += [f"    {pen.foreign(one['target']['name'])}" for one in live]
        if lines:
            yield [pen.paint_as(verdict, pen.own(words.verdict(verdict).word).upper()), *lines]


def _group(document: Document, group: Group, pen: Pen, everything: bool) -> list[str]:
    word = words.severity(group.severity) if group.verdict in findings.GAPS else words.verdict(group.verdict).word
    head = pen.paint_as(group.verdict, pen.own(word).upper())
    title = pen.own(_("Attendu : {title}")).format(title=pen.foreign(group.title(document, pen.lang)))
    lines = [f"{pen.sign(group.verdict)} {head}  {pen.foreign(group.rule)}", *pen.wrap(title, "  ", "  ")]
    shown = group.members if everything else group.members[:SHOWN_TARGETS]
    for one in shown:
        lines += _target(document, one, pen)
    left = len(group.members) - len(shown)
    if left:
        lines.append("  " + pen.own(plural("… {n} autre cible : --all", "… {n} autres cibles : --all", left)))
    if group.verdict == "unknown":
        return lines + pen.wrap(pen.own(_unknown_advice(group)), "  ", "  ")
    return lines + pen.wrap(pen.foreign(_how(document, group)), "  ", "  ") + _remedy(group, pen)


def _unknown_advice(group: Group) -> str:
    if group.proofs == ("attested",):
        return _("Ceci n'est pas une conformité : répondre et joindre une preuve.")
    return _("Ceci n'est pas une conformité : relancer l'analyse de ces cibles.")


def _how(document: Document, group: Group) -> str:
    """The clauses and how it was shown; an attestation has its own date, so only a look takes the day of the run."""
    known = {
        "references": ", ".join(words.reference(one) for one in group.references),
        "proof": findings.proofs_text(group),
    }
    if group.proofs == ("attested",):
        return _("{references} · {proof}").format(**known)
    return _("{references} · {proof} le {day}").format(day=printing.short_date(document["run"]["started"]), **known)


def _remedy(group: Group, pen: Pen) -> list[str]:
    remedy = words.spoken(group.says.get("remediation", {}), pen.lang)
    if not remedy:
        return []
    arrow = "->" if pen.ascii else "→"
    effort = pen.own(_("Effort : {level}").format(level=words.effort(group.says["effort"])))
    return pen.row(f"{arrow} {pen.foreign(pen.own(remedy))}", effort, "  ")


def _target(document: Document, one: Mapping[str, Json], pen: Pen) -> list[str]:
    target = one["target"]
    name = _("attestation") if target["kind"] == "body" else pen.foreign(target["name"])
    place = one["location"]
    where = f"{pen.foreign(place['file'])}:{place['line']}" if place and place["file"] != target["name"] else ""
    if place and not where:
        name += f":{place['line']}"
    lines = pen.row(name, where, "  ")
    for note in _notes(document, one, pen):
        lines += pen.wrap(note, "    ", "    ")
    return lines


def _notes(document: Document, one: Mapping[str, Json], pen: Pen) -> Iterator[str]:
    """What is to be said of one finding beside its target: why, at which addresses, since when, waived by whom."""
    if beside.is_known(one):
        yield pen.own(_("déjà connu (référence)"))
    told, detail = reasons.told(str(one["reason"]))
    if told or detail:
        own, seen = pen.foreign(pen.own(told)), pen.foreign(detail)
        yield f"{own} ({seen})" if own and seen else own or seen
    bad = [str(at["address"]) for at in one.get("addresses", ()) if at["verdict"] == one["verdict"]]
    if bad and len(bad) < len(one["addresses"]):
        yield pen.own(_("seulement à l'adresse {addresses}")).format(addresses=pen.foreign(", ".join(bad)))
    if findings.is_new(document, one):
        yield pen.own(_("nouveau depuis la dernière analyse"))
    days = _days(str(one["since"]), str(document["run"]["finished"]))
    if days > 0:
        yield pen.own(plural("depuis {n} jour", "depuis {n} jours", days))
    if one["waiver"]:
        yield _waiver(document, one["waiver"], pen)


def _days(since: str, until: str) -> int:
    try:
        return (datetime.date.fromisoformat(until[:10]) - datetime.date.fromisoformat(since[:10])).days
    except ValueError:
        return 0


# ----------------------------------------------------------------------------------------------------------- totals


def _families(document: Document, pen: Pen) -> list[str]:
    rows = findings.families(document)
    if not any(count["measures"] for _family, count in rows):
        return []
    lines = pen.heading(_("MESURES ATTESTÉES PAR FAMILLE (indices : sondes et fichiers)"))
    for family, count in rows:
        if not count["measures"]:
            continue
        name = pen.own(words.family(family))
        done = f"{count['pass']:>4}/{count['measures']:<3}"
        signs = _("indices : {bad} contre, {good} pour").format(
            bad=f"{count['observed_fail'] + count['files_fail']:>3}",
            good=f"{count['observed_pass'] + count['files_pass']:>3}",
        )
        lines += pen.row(f"{name:<13} {pen.bar(count['pass'], count['measures'])}{done}", pen.own(signs), "  ")
    return lines


def _balance(document: Document, pen: Pen) -> list[str]:
    coverage = document["coverage"]
    head = _("BILAN : {n} points examinés").format(n=printing.number(coverage["applicable"], pen.lang))
    lines = pen.heading(head)
    titles = [f"{pen.own(title):>9}" for title in (_("total"), _("sondes"), _("fichiers"), _("attesté"))]
    if pen.width >= TABLE:
        lines.append(" " * 20 + "".join(titles))
    for verdict in ("fail", "partial", "unknown", "to_attest", "pass"):
        counts = [coverage[verdict], *(coverage["by_proof"][proof][verdict] for proof in findings.PROOFS)]
        word = f"{pen.own(words.verdict(verdict).word):<15}"
        row = "  " + pen.sign(verdict) + ("" if pen.ascii else "  ") + pen.paint_as(verdict, word)
        figures = [f"{pen.own(printing.number(count, pen.lang)):>9}" for count in counts]
        if pen.width >= TABLE:
            lines.append(row + "".join(figures))
        else:  # a narrow terminal: each figure with its title
            told = [f"{title.strip()} {figure.strip()}" for title, figure in zip(titles, figures, strict=True)]
            lines += [row.rstrip(), *pen.wrap(", ".join(told), "     ", "     ")]
    return lines + _changes(document, pen)


def _changes(document: Document, pen: Pen) -> list[str]:
    sentences = beside.adoption(document, pen.foreign(beside.base(document)))
    lines = [line for told in sentences for line in pen.wrap(pen.own(told), "  ", "  ")]
    changes = document["changes"]
    if not changes or not changes["since"]:
        return lines
    told = _("Depuis le {day} : {new}, {fixed}, {worse}, {left}.").format(
        day=printing.short_date(changes["since"]),
        new=plural("{n} nouveau", "{n} nouveaux", len(changes["new"])),
        fixed=plural("{n} corrigé", "{n} corrigés", len(changes["fixed"])),
        worse=plural("{n} aggravé", "{n} aggravés", len(changes["worse"])),
        left=plural("{n} non retesté", "{n} non retestés", len(changes["not_retested"])),
    )
    return lines + pen.wrap(pen.own(told), "  ", "  ")


def _gaps(document: Document, pen: Pen) -> list[str]:
    if not document["gaps"]:
        return []
    head = plural("{n} FAIT N'A PAS PU ÊTRE ÉTABLI", "{n} FAITS N'ONT PAS PU ÊTRE ÉTABLIS", len(document["gaps"]))
    lines = pen.heading(head)
    for why, some in findings.gaps_by_why(document):
        lines += pen.wrap(pen.own(_("{n} : {why}").format(n=len(some), why=words.why(why))), "  ", "      ")
        places = sorted({gap["where"] for gap in some if gap.get("where")})
        lines += [f"      {pen.foreign(place)}" for place in places[:SHOWN_TARGETS]]
    return lines


def _imported(document: Document, pen: Pen, everything: bool) -> list[str]:
    """Results of other tools: counted by tool, the gravest rules named, never added to our totals."""
    tools = beside.imported(document)
    if not tools:
        return []
    lines = pen.heading(_("AUTRES OUTILS (hors bilan)"))
    for tool, told in tools:
        lines += pen.wrap(_("{name} : {text}").format(name=pen.foreign(tool), text=pen.own(told)), "  ", "      ")
    groups = beside.groups(document)
    shown = groups if everything else groups[:SHOWN_IMPORTED]
    for group in shown:
        clauses = ", ".join(words.reference(one) for one in group.references)
        title = f"{pen.foreign(group.rule)}  {pen.foreign(group.title)}"
        lines += pen.wrap(f"- {pen.own(words.severity(group.severity))}  {title}", "  ", "    ")
        places = beside.places(group)
        lines += [f"      {pen.foreign(place)}" for place in (places if everything else places[:SHOWN_PLACES])]
        lines += pen.wrap(pen.foreign(clauses), "      ", "      ") if clauses else []
    left = len(groups) - len(shown)
    if left:
        lines.append("  " + pen.own(plural("… {n} autre règle : --all", "… {n} autres règles : --all", left)))
    return lines


def _waivers(document: Document, pen: Pen) -> list[str]:
    if not document["waivers"]:
        return []
    head = plural(
        "{n} DÉROGATION (ne change aucun verdict)",
        "{n} DÉROGATIONS (ne changent aucun verdict)",
        len(document["waivers"]),
    )
    lines = pen.heading(head)
    for one in document["waivers"]:
        lines += pen.wrap(
            _("{name} : {text}").format(name=_waiver(document, one, pen), text=pen.foreign(one["rule"])), "  ", "      "
        )
        lines += [f"      {pen.foreign(one['target'])}"]
    return lines


def _waiver(document: Document, waiver: Mapping[str, Json], pen: Pen) -> str:
    day = printing.short_date(str(waiver["until"]))
    over = findings.expired(waiver, document)
    text = _("dérogation {id} ÉCHUE le {day}") if over else _("dérogation {id} jusqu'au {day}")
    return pen.own(text).format(id=pen.foreign(waiver["id"]), day=day)


def _next(document: Document, pen: Pen, report: str) -> list[str]:
    lines: list[str] = []
    if report:
        lines.append(pen.own(_("Rapport : {path}")).format(path=pen.foreign(report)))
    worst = findings.groups(document, findings.GAPS)
    lines.append(pen.own(_("Ensuite :")))
    lines += [f"  nis2check explain {pen.foreign(worst[0].rule.replace('recyf/', 'recyf:', 1))}"] if worst else []
    lines.append("  nis2check plan RESULT.json")
    return lines + pen.wrap(pen.foreign(pen.own(words.spoken(document["notice"], pen.lang))))
