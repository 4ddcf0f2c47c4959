# SPDX-License-Identifier: EUPL-1.2
"""The representative result that report tests render: one invented body, every verdict, every proof, and hostile strings.

``python tests/golden/build_result.py`` writes ``result.json`` beside this file; a test holds the two in step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nis2check import files

Json = dict[str, Any]
HERE = Path(__file__).parent
SIREN = "200000008"  # a valid key; in no register
STARTED, FINISHED, DAY = "2026-11-22T14:05:12+01:00", "2026-11-22T14:06:24+01:00", "2026-11-22"

ESC, BIDI = "\x1b]0;PWNED\x07", "\u202egnp.exe"
HOSTILE_SERVER = f"nginx/1.10 <script>alert(1)</script>{ESC}"
HOSTILE_SUBJECT = f'CN=mail.exemple.test{BIDI},O="L\'Étang" & <b>Fils</b>'
HOSTILE_FILE = "déploiement/=cmd|' /C calc'!A0.conf"

FAMILIES = {**dict.fromkeys(range(1, 5), "governance"), **dict.fromkeys(range(5, 12), "protection"), 12: "defence"}
# ReCyF 2.5: title, measures for EI and EE, measures for EE only.
OBJECTIVES = {
    1: ("Recensement des systèmes d'information", 3, 0),
    2: ("Mise en œuvre d'un cadre de gouvernance de la sécurité numérique", 10, 1),
    3: ("Maîtrise de l'écosystème", 4, 0),
    4: ("Prise en compte de la sécurité numérique dans la gestion des ressources humaines", 4, 1),
    5: ("Maîtrise des systèmes d'information", 8, 2),
    6: ("Maîtrise des accès physiques aux locaux", 2, 2),
    7: ("Sécurisation de l'architecture des systèmes d'information", 6, 7),
    8: ("Sécurisation des accès distants aux systèmes d'information", 2, 3),
    9: ("Protection des systèmes d'information contre les codes malveillants", 5, 2),
    10: ("Gestion des identités et des accès des utilisateurs aux systèmes d'information", 16, 1),
    11: ("Maîtrise de l'administration des systèmes d'information", 5, 9),
    12: ("Identification et réaction aux incidents de sécurité", 1, 6),
    13: ("Continuité et reprise d'activité", 4, 3),
    14: ("Réaction aux crises d'origine cyber", 5, 5),
    15: ("Exercices, tests et entraînements", 1, 3),
    16: ("Mise en œuvre d'une approche par les risques", 0, 4),
    17: ("Audit de la sécurité des systèmes d'information", 0, 5),
    18: ("Sécurisation de la configuration des ressources des systèmes d'information", 0, 4),
    19: ("Administration des systèmes d'information depuis des ressources dédiées", 0, 12),
    20: ("Supervision de la sécurité des systèmes d'information", 0, 6),
}
# What the body attested, objective by objective: pass, partial, fail, unknown; the rest is still to attest.
ANSWERS = {
    1: (2, 0, 0, 0), 2: (5, 1, 1, 0), 3: (1, 1, 0, 1), 4: (2, 0, 1, 0), 5: (3, 1, 0, 0), 6: (2, 0, 0, 0), 7: (2, 0, 1, 0),
    8: (1, 0, 0, 0), 9: (3, 0, 0, 1), 10: (5, 0, 1, 0), 11: (1, 0, 0, 0), 13: (1, 0, 1, 0), 14: (0, 0, 0, 0),
}  # fmt: skip
MEASURES = {
    "13.2": "Test annuel de restauration",
    "13.3": "Sauvegardes protégées (hors ligne)",
    "2.A.3": "Organisation interne adaptée (référent, comité)",
    "2.B.1": "Avoir et appliquer une politique de sécurité",
    "10.B.5": "Authentification renforcée des accès sensibles",
}


def text(fr: str, en: str) -> Json:
    return {"fr": fr, "en": en}


def references(*clauses: str) -> list[Json]:
    """``recyf 8.1 indicator`` as a reference."""
    return [dict(zip(("source", "clause", "strength"), clause.split(), strict=True)) for clause in clauses]


def rule(
    severity: str, title: Json, impact: Json, remediation: Json, refs: list[Json], *, effort: int, fix: str
) -> Json:
    why = text(
        "Ce réglage protège les échanges entre les usagers et les services de la collectivité.",
        "This setting protects what residents exchange with the services of the body.",
    )
    limits = text("Ne voit que les adresses publiques du nom.", "Sees the public addresses of the name only.")
    return {
        "title": title, "severity": severity, "why": why, "impact": impact, "limits": limits, "remediation": remediation,
        "references": refs, "effort": effort, "fix": fix,
    }  # fmt: skip


RULES: Json = {
    "ports/remote-admin": rule(
        "critical",
        text(
            "Aucun accès d'administration à distance ouvert sur Internet",
            "No remote administration open to the Internet",
        ),
        text(
            "Un bureau à distance est ouvert à tout Internet : c'est la première porte d'entrée des rançongiciels, qui "
            "peuvent arrêter la paie, les crèches et la collecte des déchets.",
            "A remote desktop is open to the whole Internet: the first way in for ransomware, which can stop payroll, "
            "nurseries and waste collection.",
        ),
        text(
            "Fermer le port, ou le placer derrière le réseau privé virtuel.",
            "Close the port, or put it behind the VPN.",
        ),
        references("recyf 8.1 indicator", "recyf 7.B.3 indicator", "nis2 21(2)(i) partial"),
        effort=1,
        fix="close-remote-admin",
    ),
    "tls/versions": rule(
        "high",
        text("Aucune version de TLS antérieure à 1.2", "No TLS older than 1.2"),
        text(
            "Le courrier et les démarches en ligne passent par un chiffrement dépassé, que l'on sait affaiblir.",
            "Mail and online procedures travel under an obsolete encryption that is known to be breakable.",
        ),
        {
            **text("Exiger TLS 1.2 au minimum.", "Require TLS 1.2 at least."),
            "nginx": "ssl_protocols TLSv1.2 TLSv1.3;",
            "apache": "SSLProtocol -all +TLSv1.2 +TLSv1.3",
        },
        references("anssi-tls R4 full", "nis2 21(2)(h) partial", "recyf 8.1 indicator"),
        effort=1,
        fix="tls-profile",
    ),
    "tls/certificate-expiry": rule(
        "high",
        text("Certificat valable encore quinze jours au moins", "Certificate valid for fifteen days at least"),
        text(
            "Le site des démarches affichera un avertissement et ne sera plus joignable pour les habitants.",
            "The site of online procedures will show a warning, and residents will no longer reach it.",
        ),
        text(
            "Renouveler le certificat, puis automatiser le renouvellement.", "Renew the certificate, then automate it."
        ),
        references("anssi-tls R31 partial", "nis2 21(2)(e) partial", "recyf 8.1 indicator"),
        effort=1,
        fix="certificate-renewal",
    ),
    "mail/dmarc-policy": rule(
        "medium",
        text(
            "Une politique DMARC qui protège le nom de la collectivité",
            "A DMARC policy that protects the name of the body",
        ),
        text(
            "Un escroc peut écrire aux habitants ou aux entreprises au nom de la collectivité.",
            "A crook can write to residents or firms in the name of the body.",
        ),
        text(
            "Publier p=quarantine, puis p=reject après observation.",
            "Publish p=quarantine, then p=reject once observed.",
        ),
        references("anssi-interconnexion R45 full", "nis2 21(2)(g) partial"),
        effort=2,
        fix="dmarc",
    ),
    "http/hsts": rule(
        "medium",
        text("HSTS d'au moins un an sur les sites", "HSTS of one year at least on web sites"),
        text(
            "Un habitant sur un réseau public peut être ramené vers une version non chiffrée du site.",
            "A resident on a public network can be brought back to an unencrypted version of the site.",
        ),
        text("Ajouter l'en-tête Strict-Transport-Security.", "Add the Strict-Transport-Security header."),
        references("rfc6797 6.1 full", "nis2 21(2)(h) partial"),
        effort=1,
        fix="hsts",
    ),
    "http/version-disclosure": rule(
        "low",
        text("Aucun numéro de version annoncé par le serveur", "No version number announced by the server"),
        text("Le site annonce à un attaquant quelle faille essayer.", "The site tells an attacker which flaw to try."),
        text("Retirer la version de l'en-tête Server.", "Remove the version from the Server header."),
        references("recyf 5.B.7 indicator"),
        effort=1,
        fix="banners",
    ),
    "dns/dnssec": rule(
        "low",
        text("Zone signée par DNSSEC", "Zone signed with DNSSEC"),
        text("Le nom de la collectivité peut être détourné.", "The name of the body can be diverted."),
        text("Demander la signature à l'hébergeur de la zone.", "Ask the zone's host to sign it."),
        references("anssi-interconnexion R49 full", "nis2 21(2)(h) partial"),
        effort=2,
        fix="dnssec",
    ),
}


def finding(number: int, rule_id: str, kind: str, name: str, verdict: str, **more: Any) -> Json:
    known: Json = RULES[rule_id]
    return {
        "id": f"{number:016x}", "rule": rule_id, "target": {"kind": kind, "name": name, "address": more.pop("address", None)},
        "verdict": verdict, "severity": known["severity"], "proof": more.pop("proof", "observed"),
        "reason": more.pop("reason", ""), "facts": more.pop("facts", {}),
        "location": more.pop("location", {"file": "nis2check.yaml", "line": 10 + number % 40}),
        "references": known["references"], "waiver": more.pop("waiver", None), "since": more.pop("since", DAY), **more,
    }  # fmt: skip


WAIVER: Json = {
    "id": "D-004", "rule": "tls/versions", "target": "ancien.exemple.test:443",
    "reason": "Retrait du service prévu en janvier <i>au plus tard</i>", "author": "DSI", "approver": "DGS",
    "created": "2026-07-15", "until": "2027-01-15",
}  # fmt: skip
EXPIRED: Json = WAIVER | {"id": "D-001", "rule": "dns/dnssec", "target": "exemple.test", "until": "2026-10-31"}


def rule_findings() -> list[Json]:
    """Findings of probes and readers: several targets a rule, several addresses a target."""
    old = {"tls.accepted": True, "tls.versions": ["TLSv1", "TLSv1.2", "TLSv1.3"]}
    good = {"tls.accepted": True, "tls.versions": ["TLSv1.2", "TLSv1.3"]}
    addresses = [
        {"address": "192.0.2.10", "verdict": "pass", "facts": good, "reason": ""},
        {"address": "2001:db8::10", "verdict": "fail", "facts": old, "reason": "tls.versions : TLSv1 accepté"},
    ]
    return [
        finding(1, "ports/remote-admin", "ports", "203.0.113.14:3389", "fail", address="203.0.113.14",
                facts={"ports.number": 3389, "ports.state": "open", "ports.class": "remote_admin"}),
        finding(2, "tls/versions", "tls", "mail.exemple.test:443", "fail", address="2001:db8::10", facts=old,
                reason="tls.versions : TLSv1 accepté", since="2026-10-19", addresses=addresses),
        finding(3, "tls/versions", "tls", "ancien.exemple.test:443", "fail", address="192.0.2.44", facts=old,
                waiver=WAIVER, since="2026-06-02"),
        finding(4, "tls/versions", "file", HOSTILE_FILE, "fail", proof="declared_files",
                facts={"tls.versions": ["SSLv3", "TLSv1"]}, location={"file": HOSTILE_FILE, "line": 12}),
        finding(5, "tls/versions", "tls", "www.exemple.test:443", "pass", address="192.0.2.10", facts=good),
        finding(6, "tls/versions", "tls", "vpn.exemple.test:443", "unknown", address="192.0.2.99",
                reason="timeout: no answer to 3 hellos"),
        finding(7, "tls/certificate-expiry", "tls", "mail.exemple.test:443", "fail", address="192.0.2.10",
                facts={"certificate.days_left": 6, "certificate.subject": HOSTILE_SUBJECT}),
        finding(8, "tls/certificate-expiry", "tls", "www.exemple.test:443", "pass", address="192.0.2.10",
                facts={"certificate.days_left": 61}),
        finding(9, "tls/certificate-expiry", "tls", "vpn.exemple.test:443", "unknown", address="192.0.2.99",
                reason="timeout: no answer to 3 hellos"),
        finding(10, "mail/dmarc-policy", "mail", "exemple.test", "fail",
                facts={"mail.dmarc.policy": "none", "mail.dmarc.record": "v=DMARC1; p=none"}, since="2026-06-02"),
        finding(11, "mail/dmarc-policy", "mail", "=cmd|' /C calc'!A0.test", "not_applicable"),
        finding(12, "http/hsts", "http", "www.exemple.test:443", "fail", address="192.0.2.10",
                facts={"http.hsts.present": False}),
        finding(13, "http/hsts", "http", "www.exemple.test:443", "pass", proof="declared_files",
                facts={"http.hsts.max_age": 31536000}, location={"file": "web/site.conf", "line": 31}),
        finding(14, "http/version-disclosure", "http", "www.exemple.test:443", "fail", address="192.0.2.10",
                facts={"http.server": HOSTILE_SERVER, "http.discloses_version": True}),
        finding(15, "dns/dnssec", "dns", "exemple.test", "fail", waiver=EXPIRED, facts={"dns.dnssec.signed": False}),
        finding(16, "dns/dnssec", "dns", "etangs.test", "unknown", reason="servfail: SERVFAIL from 9 name servers"),
    ]  # fmt: skip


def framework() -> tuple[Json, list[Json], list[Json]]:
    """The framework, its objectives with counts, and one finding for each measure that applies to an important entity."""
    measures: Json = {}
    objectives: list[Json] = []
    findings: list[Json] = []
    for number, (title, both, essential) in OBJECTIVES.items():
        family = FAMILIES.get(number, "resilience" if number < 16 else "governance" if number < 18 else "protection")
        family = "defence" if number == 20 else family
        states = _states(number, both)
        for place in range(both + essential):
            measure = f"{number}.{place + 1}"
            name = MEASURES.get(measure, f"{title} : moyen {place + 1}")
            measures[measure] = {
                "title": text(name, f"Objective {number}, measure {place + 1}"), "objective": str(number),
                "for": "EI/EE" if place < both else "EE", "family": family,
            }  # fmt: skip
            if place < both:
                findings.append(_measure_finding(len(findings), measure, states[place]))
        counts = {word: states.count(word) for word in ("pass", "partial", "fail", "to_attest", "unknown")}
        evidence = {"observed_pass": 0, "observed_fail": 0, "files_pass": 0, "files_fail": 0}
        if number == 8:
            evidence = {"observed_pass": 2, "observed_fail": 4, "files_pass": 0, "files_fail": 1}
        if number in {5, 7}:
            evidence |= {"observed_fail": 1}
        objectives.append(
            {"id": str(number), "title": text(title, f"Objective {number}"), "family": family, "measures": both, **counts,
             "evidence": evidence}
        )  # fmt: skip
    whole = {
        "id": "recyf", "version": "2.5", "measures": measures,
        "objectives": {o["id"]: {"title": o["title"], "family": o["family"]} for o in objectives},
    }  # fmt: skip
    return whole, objectives, findings


def _states(number: int, both: int) -> list[str]:
    passed, partial, failed, unknown = ANSWERS.get(number, (0, 0, 0, 0))
    told = ["pass"] * passed + ["fail"] * failed + ["partial"] * partial + ["unknown"] * unknown
    return told + ["to_attest"] * (both - len(told))


def _measure_finding(number: int, measure: str, verdict: str) -> Json:
    reasons = {
        "fail": "Attestation du 12/09/2025 : « non » ; procès-verbal absent.",
        "partial": "Attestation du 03/10/2026 : en cours dans deux services sur cinq.",
        "unknown": "not_asked: the person in charge answered that they do not know",
    }
    return {
        "id": f"{0x1000 + number:016x}", "rule": f"recyf/{measure}",
        "target": {"kind": "body", "name": SIREN, "address": None}, "verdict": verdict, "severity": "medium",
        "proof": "attested", "reason": reasons.get(verdict, ""), "facts": {},
        "location": None if verdict == "to_attest" else {"file": "attestations.yaml", "line": 4 + 6 * number},
        "references": references(f"recyf {measure} full"), "waiver": None, "since": DAY,
    }  # fmt: skip


def plan(findings: list[Json]) -> Json:
    """Six measures in six months, then a roadmap."""
    by_rule: dict[str, list[str]] = {}
    for one in findings:
        if one["verdict"] in {"fail", "partial"}:
            by_rule.setdefault(one["rule"], []).append(one["id"])
    rows = [
        ("Fermer le bureau à distance exposé", ["ports/remote-admin"], ["8.1"], 0.5, "Infogérant", "2026-12",
         "Gain 3 × urgence 3 ÷ effort 1 = 9 ; une porte ouverte passe avant tout le reste."),
        ("Retirer TLS 1.0 et 1.1 de la messagerie", ["tls/versions"], ["8.1"], 0.5, "Infogérant", "2026-12",
         "Gain 2 × urgence 3 ÷ effort 1 = 6."),
        ("Renouveler le certificat et automatiser", ["tls/certificate-expiry"], ["8.1"], 1, "Infogérant", "2026-12",
         "Gain 2 × urgence 3 ÷ effort 1 = 6 ; échéance dans 6 jours."),
        ("Désigner un responsable et sa suppléance", ["recyf/2.6"], ["2.6"], 1, "DGS", "2027-01",
         "Une mesure de gouvernance au moins dans les six premières."),
        ("Tester une restauration complète", ["recyf/13.2"], ["13.2"], 3, "DSI", "2027-03",
         "Gain 3 × urgence 3 ÷ effort 2 = 4,5."),
        ("Protéger le nom de la collectivité par DMARC", ["mail/dmarc-policy"], [], 2.5, "DSI", "2027-05",
         "Gain 2 × urgence 2 ÷ effort 2 = 2."),
    ]  # fmt: skip
    measures = [
        {"rank": rank, "title": text(title, f"Measure {rank}"), "findings": [one for r in rules for one in by_rule.get(r, [])],
         "measures": recyf, "effort": effort, "owner": owner, "month": month, "because": text(because, "By the printed rule.")}
        for rank, (title, rules, recyf, effort, owner, month, because) in enumerate(rows, 1)
    ]  # fmt: skip
    later = [("Cartographier les systèmes d'information", "5.1", "7-12"), ("Écrire la procédure de crise", "14.1", "7-12"),
             ("Passer aux comptes individuels", "10.1", "13-24"), ("Premier exercice sur table", "15.1", "25-36")]  # fmt: skip
    roadmap = [
        {"rank": rank, "title": text(title, f"Measure {rank}"), "findings": [], "measures": [recyf], "effort": 5, "owner": "DSI",
         "period": period, "because": text("Après les six premières.", "After the first six.")}
        for rank, (title, recyf, period) in enumerate(later, 7)
    ]  # fmt: skip
    return {"measures": measures, "roadmap": roadmap, "capacity": 4, "start": "2026-12-01"}


def coverage(findings: list[Json]) -> Json:
    """The counts of the findings that apply, in all and by proof."""
    words = ("pass", "partial", "fail", "to_attest", "unknown")

    def counts(some: list[Json]) -> Json:
        told = [one["verdict"] for one in some if one["verdict"] in words]
        return {"applicable": len(told), **{word: told.count(word) for word in words}}

    proofs = ("observed", "declared_files", "attested")
    return counts(findings) | {"by_proof": {p: counts([f for f in findings if f["proof"] == p]) for p in proofs}}


def scope() -> Json:
    population = {"totale": 31420, "municipale": 30866, "vintage": {"totale": "2026", "municipale": "2026"}}
    because = [
        {"clause": "art. 9, 5°", "text": text(
            "Les communautés de communes sont des entités importantes, sans condition de population.",
            "Communautés de communes are important entities whatever their population."), "confidence": "A"},
        {"clause": "art. 8, 7°, e", "text": text(
            "Elle n'est ni une communauté urbaine, ni une métropole, ni une communauté d'agglomération.",
            "It is neither a communauté urbaine, a métropole nor a communauté d'agglomération."), "confidence": "B"},
    ]  # fmt: skip
    return {
        "schema": "nis2check.scope/1", "siren": SIREN, "name": "Communauté de communes des Étangs & Forêts", "nature": "CC",
        "regime": "senate-2025", "as_of": DAY, "population": population, "category": "important",
        "by_notion": {"totale": "important", "municipale": "important"}, "because": because, "missing": [],
        "notes": [text("Le décret fixera la liste des secteurs.", "A decree will fix the list of sectors.")],
        "legal_status": {"text": "bill, not promulgated", "as_of": "2026-10-07", "confidence": "B"},
    }  # fmt: skip


def gap(name: str, subject: str, why: str, detail: str, address: str | None = None) -> Json:
    return {"name": name, "subject": subject, "address": address, "why": why, "detail": detail}


def build() -> Json:
    """The whole document."""
    whole, objectives, measure_findings = framework()
    findings = rule_findings() + measure_findings
    rules = dict(RULES)
    for one in measure_findings:
        title = whole["measures"][one["rule"].removeprefix("recyf/")]["title"]
        how = text(
            "Répondre avec nis2check attest et joindre une preuve.", "Answer with nis2check attest and attach a proof."
        )
        rules[one["rule"]] = rule(
            "medium", title, title, how, one["references"], effort=2, fix="recyf-" + one["rule"][6:].lower()
        )
    where = scope()
    return {
        "schema": "nis2check.result/1", "complete": True,
        "tool": {"name": "nis2check", "version": "0.1.0", "rules": {"version": "2026.11", "sha256": "b7" * 32}},
        "run": {"started": STARTED, "finished": FINISHED}, "regime": "senate-2025",
        "body": {"siren": SIREN, "name": where["name"], "nature": "CC", "population": where["population"]},
        "scope": where, "coverage": coverage(findings), "findings": findings, "objectives": objectives,
        "plan": plan(findings),
        "gaps": [
            gap("tls.*", "vpn.exemple.test:443", "timeout", "no answer to 3 hellos", "192.0.2.99"),
            gap("dns.dnssec.signed", "etangs.test", "servfail", "SERVFAIL from 9 name servers"),
            gap("http.csp", "www.exemple.test:443", "blocked", f"an anti-robot page answered {ESC}", "192.0.2.10"),
            gap("tls.compression", "mail.exemple.test:443", "our_bug", "IndexError in <hello>", "192.0.2.10"),
        ],
        "drift": [
            {"name": "http.hsts.max_age", "subject": "www.exemple.test:443", "address": "192.0.2.10", "observed": None,
             "declared": 31536000, "location": {"file": "web/site.conf", "line": 31}}
        ],
        "imported": [], "waivers": [WAIVER, EXPIRED],
        "changes": {"since": "2026-11-15T14:05:00+01:00", "new": [f"{1:016x}"], "fixed": ["a1", "a2", "a3"], "worse": [],
                    "not_retested": ["b1", "b2"]},
        "rules": rules, "framework": whole,
        "notice": text("Aide à la préparation ; ne vaut ni certification ni avis juridique.",
                       "A help to prepare; neither a certification nor legal advice."),
    }  # fmt: skip


if __name__ == "__main__":
    (HERE / "result.json").write_bytes(files.canonical(build()))
