# SPDX-License-Identifier: EUPL-1.2
"""The logo of a body: judged by its bytes, small, never active, with words for who does not see it."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import subprocess
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check import emblem, files
from nis2check.errors import InputError
from nis2check.report import html

GOLDEN = Path(__file__).parent / "golden" / "result.json"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def png(width: int = 4, height: int = 4) -> bytes:
    """A true PNG, white."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))

    head = struct.pack("!IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The beginning of a JPEG: an application segment, then a frame."""
    frame = b"\xff\xc0" + struct.pack("!HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe0" + struct.pack("!H", 16) + b"JFIF\0" + b"\0" * 9 + frame + b"\0" * 20


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def test_png_and_jpeg_are_known_by_their_bytes(tmp_path: Path) -> None:
    for data, media in ((png(), "image/png"), (jpeg(300, 90), "image/jpeg")):
        (tmp_path / "logo.txt").write_bytes(data)
        logo = emblem.read(tmp_path / "logo.txt")
        assert logo["media"] == media
        assert b64decode(logo["data"]) == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'<?xml version="1.0"?><svg onload="alert(1)"/>', "SVG"),
        (b"GIF89a" + b"\0" * 100, "ni un PNG ni un JPEG"),
        (b"", "ni un PNG ni un JPEG"),
        (b"\x89PNG\r\n\x1a\n", "ni un PNG ni un JPEG"),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\xff\xe0\x00\x00" * 50, "ni un PNG ni un JPEG"),
        (png() + b"\0" * emblem.LARGEST, "trop lourd"),
        (png(3_000, 1), "trop grand"),
        (jpeg(0, 10), "trop grand"),
    ],
)
def test_others_are_refused_in_one_sentence(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "logo.png").write_bytes(data)
    with pytest.raises(InputError, match=said):
        emblem.read(tmp_path / "logo.png")


def test_a_logo_in_a_result_is_judged_again(golden: dict[str, Any]) -> None:
    for data in (
        '"><script>alert(1)</script>',
        "not base64",
        b64encode(b"<svg/>").decode(),
        b64encode(png(9_000, 1)).decode(),
    ):
        golden["body"]["logo"] = {"media": 'image/svg+xml" onerror="alert(1)', "data": data}
        page = html.render(golden, "fr").decode()
        assert "<img" not in page
        assert "onerror" not in page
        assert "<script" not in page


def test_pages_hold_it_with_words_and_the_digest_is_that_of_the_result(golden: dict[str, Any]) -> None:
    logo = {"media": "image/png", "data": b64encode(png()).decode()}
    page = html.render(dict(emblem.lent(golden, logo)), "fr").decode()
    assert (
        f'src="data:image/png;base64,{logo["data"]}" alt="Logo de Communauté de communes des Étangs &amp; Forêts"'
        in page
    )
    assert hashlib.sha256(files.canonical(golden)).hexdigest() in page

    own = dict(emblem.placed(golden, logo))
    assert emblem.as_read(own) == own
    assert emblem.as_read(emblem.lent(own, logo | {"data": "x"})) == own
    assert emblem.as_read(emblem.lent(golden, logo)) == golden
    assert emblem.placed(golden | {"body": None}, logo)["body"] is None


def test_a_picture_that_cannot_be_read_costs_itself_alone(golden: dict[str, Any]) -> None:
    from nis2check.report import pdf

    logo = {"media": "image/jpeg", "data": b64encode(jpeg(300, 90)).decode()}
    assert pdf.render(emblem.lent(golden, logo), "fr").startswith(b"%PDF-")


def test_commands(inside: Command, tmp_path: Path) -> None:
    from pypdf import PdfReader

    (tmp_path / "logo.png").write_bytes(png())
    for command in ("report", "brief"):
        done = inside(command, str(GOLDEN), "--logo", "logo.png", "-o", "html=a.html", "-o", "pdf=a.pdf")
        assert done.returncode == 0, done.stderr.decode()
        assert "data:image/png;base64," in (tmp_path / "a.html").read_text()
        assert len(PdfReader(io.BytesIO((tmp_path / "a.pdf").read_bytes())).pages[0].images) == 1
        (tmp_path / "bad.png").write_bytes(b"<svg/>")
        refused = inside(command, str(GOLDEN), "--logo", "bad.png", "-o", "html=b.html")
        assert refused.returncode == 2
        assert refused.stderr.decode().count("\n") == 1
        assert not (tmp_path / "b.html").exists()


def test_the_logo_of_a_body_s_file_is_in_its_result(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    text = "body: {siren: '243400819', name: Exemple}\nlogo: logo.png\ntargets: {repositories: [site]}\n"
    (tmp_path / "nis2check.yaml").write_text(text)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "compose.yaml").write_text("services: {a: {image: 'a:1', ports: ['5432:5432']}}\n")
    done = inside("scan", "--json")
    assert done.returncode in {1, 3}, done.stderr.decode()
    assert json.loads(done.stdout)["body"]["logo"] == {"media": "image/png", "data": b64encode(png()).decode()}

    (tmp_path / "logo.png").write_bytes(b"<svg/>")
    refused = inside("scan", "--json")
    assert refused.returncode == 2
    assert "SVG" in refused.stderr.decode()
