# SPDX-License-Identifier: EUPL-1.2
"""The gap report as Markdown, for a job summary, a ticket or a wiki. Capped, since GitHub refuses a summary of 1 MiB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nis2check import printing
from nis2check.language import _, plural, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import beside, findings, reasons, words

NAME = "markdown"
SUFFIX = ".md"
MEDIA = "text/markdown; charset=utf-8"

LARGEST = 900 << 10  # bytes
_ROOM = 500  # for the line that says what was left out
MOST_TARGETS = 20  # of one rule
MOST_IMPORTED = 50  # rules of other tools

Document = Mapping[str, Json]


def render(document: Document, lang: str) -> bytes:
    """The whole report, or what fits in `LARGEST` and a line that says what was left out."""
    with speaking(lang):
        out = bytearray()
        end = f"\n---\n\n{say(_safe(words.spoken(document['notice'], lang)), lang)}\n".encode()
        blocks = list(_blocks(document, lang))
        for place, block in enumerate(blocks):
            data = (say(block, lang) + "\n\n").encode("utf-8", "backslashreplace")
            if len(out) + len(data) + len(end) + _ROOM > LARGEST:
                out += say(_left(blocks[place:]), lang).encode() + b"\n"
                break
            out += data
        return bytes(out + end)


def _left(blocks: list[str]) -> str:
    """How much of a report does not fit: GitHub refuses a whole summary above 1 MiB, so the last blocks are counted."""
    rules = sum(block.startswith("### ") for block in blocks)
    left = plural("{n} règle n'est pas montrée", "{n} règles ne sont pas montrées", rules)
    return _("… {left} faute de place : le reste est dans les fichiers CSV et JSON.").format(left=left)


def _safe(text: object) -> str:
    return clean(text, Medium.MARKDOWN)


def _code(text: object) -> str:
    """Foreign text as code: a fence longer than any run of backquotes inside keeps it one span (CommonMark 6.1)."""
    one = clean(text, Medium.SARIF).replace("|", "¦")
    fence = "`"
    while fence in one:
        fence += "`"
    return f"{fence} {one} {fence}" if "`" in one else f"`{one}`"


def _blocks(document: Document, lang: str) -> Iterator[str]:
    yield from _head(document, lang)
    yield _balance(document, lang)
    yield from beside.adoption(document, _code(beside.base(document)))
    yield from _plan(document, lang)
    for verdicts, title in ((findings.GAPS, _("Écarts")), (("unknown",), _("Points indéterminés"))):
        groups = findings.groups(document, verdicts)
        if groups:
            yield f"## {title}"
        for group in groups:
            yield "\n".join(_group(document, group, lang))
    left = findings.groups(document, ("to_attest",))
    if left:
        yield "## " + _("À attester")
        yield "\n".join(f"- {_code(group.rule)} {_safe(group.title(document, lang))}" for group in left)
    yield from _imported(document)
    yield from _unseen(document)


def _head(document: Document, lang: str) -> Iterator[str]:
    name = document["body"]["name"] if document["body"] else _("Fichiers et cibles sans collectivité")
    yield "# " + _("Rapport d'écarts NIS 2 – {name}").format(name=_safe(name))
    yield _("Analyse du {day} à {time}.").format(
        day=printing.date(document["run"]["started"], lang), time=printing.clock(document["run"]["started"], lang)
    )
    if not document["complete"]:
        yield _("**Analyse interrompue : ce qui suit est exact mais partiel.**")
    if document["scope"]:
        scope = document["scope"]
        yield _("**Statut présumé : {category}.** {law}").format(
            category=words.category(scope["category"]), law=_safe(words.legal_status(scope["legal_status"], lang))
        )


def _balance(document: Document, lang: str) -> str:
    coverage = document["coverage"]
    lines = [
        "| {} | {} | {} | {} | {} |".format(_("Verdict"), _("Total"), _("Sondes"), _("Fichiers"), _("Attesté")),
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for verdict in ("fail", "partial", "unknown", "to_attest", "pass"):
        mark = words.verdict(verdict)
        counts = [coverage[verdict], *(coverage["by_proof"][proof][verdict] for proof in findings.PROOFS)]
        lines.append(f"| {mark.sign} {mark.word} | " + " | ".join(printing.number(n, lang) for n in counts) + " |")
    return "\n".join(lines)


def _plan(document: Document, lang: str) -> Iterator[str]:
    measures = document["plan"]["measures"]
    if not measures:
        return
    yield "## " + _("Mesures prioritaires")
    lines = [
        "| {} | {} | {} | {} | {} | {} |".format(
            _("Rang"), _("Mesure"), _("ReCyF"), _("Quand"), _("Pilote"), _("Jours")
        ),
        "| ---: | --- | --- | --- | --- | ---: |",
    ]
    for one in measures:
        cells = [
            str(one["rank"]),
            _safe(words.spoken(one["title"], lang)),
            _safe(", ".join(one["measures"])),
            printing.month(one["month"], lang),
            _safe(words.owner(one["owner"], lang)),
            printing.number(one["effort"], lang),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    yield "\n".join(lines)


def _group(document: Document, group: findings.Group, lang: str) -> Iterator[str]:
    mark = words.verdict(group.verdict)
    grave = words.severity(group.severity) if group.verdict in findings.GAPS else mark.word
    yield f"### {mark.sign} {grave} – {_safe(group.title(document, lang))}"
    yield ""
    for one in group.members[:MOST_TARGETS]:
        place = one["location"]
        where = f" ({_code('{file}:{line}'.format(**place))})" if place else ""
        told = _(" : ").join(_safe(part) for part in reasons.told(str(one["reason"])) if part)
        name = _("attestation") if one["target"]["kind"] == "body" else _code(one["target"]["name"])
        known = _(" (déjà connu)") if beside.is_known(one) else ""
        yield f"- {name}{where}{known}" + (f" – {told}" if told else "")
    left = len(group.members) - MOST_TARGETS
    if left > 0:
        yield "- " + plural("… et {n} autre cible", "… et {n} autres cibles", left)
    yield ""
    references = ", ".join(words.reference(one) for one in group.references)
    yield f"{_safe(references)} · {findings.proofs_text(group)} · {_code(group.rule)}"
    remedy = words.spoken(group.says.get("remediation", {}), lang)
    if remedy and group.verdict in findings.GAPS:
        yield ""
        yield f"→ {_safe(remedy)}"


def _imported(document: Document) -> Iterator[str]:
    tools = beside.imported(document)
    if not tools:
        return
    yield "## " + _("Constats d'autres outils")
    yield _("Gardés à part : ils ne changent ni verdict, ni total, ni code de sortie.")
    yield "\n".join("- " + _("{name} : {text}").format(name=_safe(tool), text=told) for tool, told in tools)
    lines = [
        "| {} | {} | {} | {} |".format(_("Gravité"), _("Règle"), _("Mesures"), _("Où")),
        "| --- | --- | --- | --- |",
    ]
    groups = beside.groups(document)
    for group in groups[:MOST_IMPORTED]:
        places = beside.places(group)
        where = ", ".join(_code(place) for place in places[:3]) + (f" +{len(places) - 3}" if len(places) > 3 else "")
        clauses = _safe(", ".join(words.reference(one) for one in group.references))
        rule = f"{_code(group.rule)} {_safe(group.title)}"
        lines.append(f"| {words.severity(group.severity)} | {rule} | {clauses} | {where} |")
    yield "\n".join(lines)
    left = len(groups) - MOST_IMPORTED
    if left > 0:
        yield plural("… et {n} autre règle.", "… et {n} autres règles.", left)


def _unseen(document: Document) -> Iterator[str]:
    unseen = findings.gaps_by_why(document)
    if unseen:
        yield "## " + _("Ce qui reste inconnu")
        yield "\n".join("- " + _("{n} : {why}").format(n=len(some), why=words.why(why)) for why, some in unseen)
