# SPDX-License-Identifier: EUPL-1.2
"""``nis2check.yaml``: targets with their lines, names as they go on the wire, active tests only with an authorisation."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from nis2check import bodyfile
from nis2check.errors import InputError
from nis2check.files import parse_yaml
from nis2check.model import Kind, Why

BODY = "body: {siren: 243400819}\n"
TODAY = datetime.date(2026, 11, 22)


def parsed(text: str, folder: Path = Path()) -> bodyfile.BodyFile:
    return bodyfile.parse(parse_yaml(BODY + text, "nis2check.yaml"), folder / "nis2check.yaml")


def test_a_site_is_a_site_and_a_tls_service_with_the_line_that_declares_it() -> None:
    body = parsed("targets:\n  web:\n    - https://www.ville.test/accueil\n    - www.ville.test:8443\n")

    assert [(t.kind, t.name, t.location.line if t.location else 0) for t in body.targets] == [
        (Kind.HTTP, "www.ville.test:443", 4),
        (Kind.TLS, "www.ville.test:443", 4),
        (Kind.HTTP, "www.ville.test:8443", 5),
        (Kind.TLS, "www.ville.test:8443", 5),
    ]


def test_what_is_declared_twice_is_looked_at_once() -> None:
    body = parsed("targets:\n  web: [https://www.ville.test/]\n  tls: ['www.ville.test:443', 'WWW.Ville.test:443']\n")

    assert [t.kind for t in body.targets] == [Kind.HTTP, Kind.TLS]


def test_names_are_lower_case_a_labels() -> None:
    body = parsed("targets:\n  domains: [Mairie-Évry.test, ville.test.]\n")

    assert [t.name for t in body.targets] == ["xn--mairie-vry-h7a.test", "ville.test"]


@pytest.mark.parametrize(
    "name", ["a..b", "-a.test", "0177.0.0.1", "2130706433", "a" * 64 + ".test", "a b.test", "a_b$.test"]
)
def test_a_name_that_is_none_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(f'targets:\n  domains: ["ville.test", "{name}"]\n')

    assert "domains[1]" in str(caught.value.place)


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_an_impossible_port_is_refused(port: int) -> None:
    with pytest.raises(InputError):
        parsed(f"targets:\n  tls: ['ville.test:{port}']\n")


@pytest.mark.parametrize(
    ("covers", "host", "allowed"),
    [
        ("192.0.2.0/24", "192.0.2.9", True),
        ("192.0.2.9", "192.0.2.9", True),
        ("192.0.2.0/24", "198.51.100.1", False),
        ("ville.test", "www.ville.test", True),
        ("ville.test", "mauvaiseville.test", False),
        ("2001:db8::/32", "2001:db8::1", True),
    ],
)
def test_ports_are_tried_only_where_an_authorisation_covers_them(covers: str, host: str, allowed: bool) -> None:
    grant = f'{{who: DGS, ground: mission, until: 2026-11-22, covers: ["{covers}"]}}'
    text = f'targets: {{ports: ["{host}"]}}\nauthorisation: [{grant}]\n'
    may, gaps = parsed(text).allowed(TODAY)

    assert (len(may), len(gaps)) == ((1, 0) if allowed else (0, 1))
    assert all(gap.why is Why.NOT_ASKED for gap in gaps)


def test_an_authorisation_ends_after_its_last_day() -> None:
    text = "targets: {ports: [192.0.2.1]}\nauthorisation:\n  - {who: DGS, ground: m, until: 2026-11-22, covers: [192.0.2.1]}\n"
    body = parsed(text)

    assert len(body.allowed(TODAY)[0]) == 1
    assert body.allowed(TODAY + datetime.timedelta(days=1))[0] == ()


def test_passive_targets_need_no_authorisation() -> None:
    may, gaps = parsed("targets: {domains: [ville.test]}\n").allowed(TODAY)

    assert (len(may), gaps) == (1, ())


@pytest.mark.parametrize(
    "text",
    ["attestations: absent.yaml\n", "waivers: absent.yaml\n", "targets: {repositories: [absent]}\n", "unknown: 1\n"],
)
def test_what_the_file_names_must_exist(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        parsed(text, tmp_path)

    assert caught.value.place is not None and caught.value.place.line == 2


def test_the_file_is_named_as_a_reader_would_type_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nis2check.yaml").write_text(BODY + "targets: {domains: [ville.test]}\n")
    monkeypatch.chdir(tmp_path)
    target = bodyfile.load(tmp_path / "nis2check.yaml").targets[0]

    assert target.location is not None and target.location.file == "nis2check.yaml"
