# SPDX-License-Identifier: EUPL-1.2
"""What a notification says, and what it never says; which addresses are taken, and where their secrets come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nis2check import bodyfile
from nis2check.cli.notified import Notices
from nis2check.errors import InputError
from nis2check.files import Document, check
from nis2check.notify import mail, message
from nis2check.notify.address import Mail, Room, Webhook, parse

GOLDEN = Path(__file__).parent / "golden" / "result.json"
SECRET = "SuperSecretCanaryPassw0rd!"
TO = Mail("relay.exemple.fr", 587, False, "nis2@exemple.fr", ("dsi@exemple.fr",))


@pytest.fixture
def document() -> dict[str, Any]:
    """A kept result in which two gaps are new and one was mended."""
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    ids = [one["id"] for one in found["findings"]]
    found["changes"] = {
        "since": "2026-11-15T10:00:00+00:00",
        "new": ids[:2],
        "fixed": ids[4:5],
        "worse": [],
        "better": [],
        "not_retested": ["0" * 16],
    }
    found["trend"] = [{"run": 7}]
    return found


def told(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = message.notification(document, "/srv/rapport.html", **more)
    assert found is not None
    return found


def targets(document: dict[str, Any]) -> set[str]:
    return {one["target"]["name"].rpartition(":")[0] or one["target"]["name"] for one in document["findings"]} - {
        document["body"]["siren"]
    }


def test_the_subject_carries_the_change(document: dict[str, Any]) -> None:
    said = message.subject(told(document)).replace("\u202f", " ").replace("\u00a0", " ")

    assert said == (
        "nis2check : 2 nouveaux écarts, 1 corrigé, 1 non retesté (Communauté de communes des Étangs & Forêts)"
    )


def test_counts_and_a_path_but_no_host(document: dict[str, Any]) -> None:
    found = told(document)
    text = message.text(found, "fr") + message.subject(found) + json.dumps(found)

    assert "/srv/rapport.html" in text and "17" in text
    assert not [name for name in targets(document) if name in text]
    check(Document({**found, "text": ""}, "notification"), "notification")


def test_hosts_when_asked(document: dict[str, Any]) -> None:
    found = told(document, details=True)
    text = message.text(found, "fr")

    assert "203.0.113.14:3389" in text and "- nouveau : " in text and "- corrigé : " in text
    check(Document({**found, "text": text}, "notification"), "notification")


def test_nothing_changed_nothing_said(document: dict[str, Any]) -> None:
    document["changes"] |= {"new": [], "fixed": [], "not_retested": []}
    assert message.notification(document, "x") is None
    document["changes"] |= {"new": ["0" * 16], "since": None}  # a first run has nothing to be compared with
    assert message.notification(document, "x") is None


def test_a_hostile_name_starts_no_header_and_no_command(document: dict[str, Any]) -> None:
    document["body"]["name"] = "Ville\r\nBcc: tous@exemple.fr\r\n\r\n\x1b]0;x\x07\u202e" + "é" * 900
    document["findings"][0]["target"]["name"] = "a\r\n.\r\nMAIL FROM:<x>"
    sent = mail.compose(TO, told(document, details=True), "fr").as_bytes()
    head, _blank, body = sent.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]

    assert b"Bcc" not in names and len(names) == len(set(names))
    assert not set(b"\x1b\x07") & set(sent)
    assert all(len(line) <= 998 for line in sent.split(b"\r\n"))
    assert b"\r\n.\r\n" not in body


def test_a_message_says_nothing_of_this_machine(document: dict[str, Any]) -> None:
    import socket

    sent = mail.compose(TO, told(document), "fr")

    assert sent["Message-ID"].endswith("@exemple.fr>")
    assert sent["Auto-Submitted"] == "auto-generated"
    assert socket.gethostname() not in sent.as_string() or socket.gethostname() in "exemple.fr localhost"


# ---------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay.exemple.fr/?to=a@x.fr", Mail("relay.exemple.fr", 587, False, "a@x.fr", ("a@x.fr",))),
        ("smtp://localhost?to=a@x.fr,b@x.fr", Mail("localhost", 25, False, "a@x.fr", ("a@x.fr", "b@x.fr"))),
        (
            "smtps://nis2%40x.fr@mx.x.fr/?to=a@x.fr&to=b@x.fr",
            Mail("mx.x.fr", 465, True, "nis2@x.fr", ("a@x.fr", "b@x.fr"), "nis2@x.fr", SECRET),
        ),
        ("smtp://[::1]:2525/?to=a@x.fr&from=n@x.fr", Mail("::1", 2525, False, "n@x.fr", ("a@x.fr",))),
        ("https://chat.x.fr/hooks/abc?d=1", Webhook("chat.x.fr", 443, "/hooks/abc?d=1", "tok")),
        ("matrix://m.x.fr/!room:m.x.fr", Room("m.x.fr", 443, "!room:m.x.fr", "tok2")),
        ("matrix://m.x.fr:8448/%21room", Room("m.x.fr", 8448, "!room", "tok2")),
    ],
)
def test_addresses(url: str, expected: object, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET + "\n")
    environment = {
        "NIS2CHECK_SMTP_PASSWORD_FILE": str(tmp_path / "password"),
        "NIS2CHECK_WEBHOOK_TOKEN": "tok",
        "NIS2CHECK_MATRIX_TOKEN": "tok2",
    }
    found = parse(url, environment)

    assert found == expected
    assert not [secret for secret in (SECRET, "tok", "hooks/abc") if secret in repr(found) + found.shown]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"smtp://u:{SECRET}@x.fr/?to=a@x.fr", "Mot de passe dans une adresse"),
        (f"https://u:{SECRET}@x.fr/", "Mot de passe dans une adresse"),
        ("smtp://u@x.fr/?to=a@x.fr", "Il manque le mot de passe"),
        ("smtp://x.fr/", "de 1 à 20"),
        ("smtp://x.fr/?to=" + ",".join(["a@x.fr"] * 21), "de 1 à 20"),
        ("smtp://x.fr/?to=a%0D%0ABcc:b@x.fr", "pas une adresse de messagerie"),
        ("smtp://x.fr/?to=a@x.fr&from=a", "pas une adresse de messagerie"),
        ("smtp://x.fr/?to=a@x.fr%3E", "pas une adresse de messagerie"),
        ("smtp://x.fr/?to=a@x.fr&bcc=b@x.fr", "seuls to= et from="),
        ("smtp:///?to=a@x.fr", "sans serveur"),
        ("smtp://x.fr:99999/?to=a@x.fr", "mal formée"),
        ("smtp://x.fr:0/?to=a@x.fr", "sans serveur"),
        ("http://x.fr/hook", "« http:// » : inconnu"),
        ("ftp://x.fr/", "« ftp:// » : inconnu"),
        ("x.fr", "inconnu"),
        ("https://x.fr/a b", "%XX"),
        ("https://x.fr/\r\nHost: y", "%XX"),
        ("https://é.fr/", "nom impossible"),
        ("matrix://x.fr/#room:x.fr", "identifiant interne"),
        ("matrix://x.fr/!a%2F..%0A", "identifiant interne"),
        ("matrix://x.fr/!room:x.fr", "Il manque le jeton"),
    ],
)
def test_addresses_refused(url: str, said: str) -> None:
    with pytest.raises(InputError) as fault:
        parse(url, {})

    assert said in fault.value.what
    assert SECRET not in fault.value.what + fault.value.advice


def test_a_secret_that_would_start_a_header_is_refused() -> None:
    with pytest.raises(InputError, match="caractère impossible"):
        parse("https://x.fr/", {"NIS2CHECK_WEBHOOK_TOKEN": "a\r\nX: y"})


# ---------------------------------------------------------------------------------------------------- who is to be told


def test_the_command_s_addresses_come_before_the_environment_s_and_the_body_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(*urls: str, declared: tuple[str, ...] = ("https://body.fr/",), save: bool = True) -> list[str]:
        ready = Notices(urls, details=False).ready(save=save, declared=declared)
        return [one.host for one in ready.addresses] if ready else []

    monkeypatch.delenv("NIS2CHECK_NOTIFY", raising=False)
    assert shown() == ["body.fr"]
    assert shown(save=False) == shown(declared=()) == []
    monkeypatch.setenv("NIS2CHECK_NOTIFY", "https://a.fr/ https://b.fr/")
    assert shown() == ["a.fr", "b.fr"]
    assert shown("https://c.fr/") == ["c.fr"]


def test_a_body_declares_whom_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "nis2check.yaml"
    path.write_text(
        "body: {name: Ville, nature: COMMUNE, population: 100}\n"
        "targets: {domains: [exemple.fr]}\n"
        "notify: ['smtp://relais.exemple.fr/?to=dsi@exemple.fr']\n"
    )
    assert bodyfile.load(path).notify == ("smtp://relais.exemple.fr/?to=dsi@exemple.fr",)
    path.write_text(path.read_text().replace("notify: [", "notify: [3, "))
    with pytest.raises(InputError, match="3"):
        bodyfile.load(path)
