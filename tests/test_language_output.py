# SPDX-License-Identifier: EUPL-1.2
"""What a person reads in each language: help, faults, answers and every format hold no word of the other one."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pypdf import PdfReader

from nis2check.report.formats import FORMATS, Format

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "result.json"

FRENCH = re.compile(
    r"(?<![\w/-])(?:le|la|les|une|des|du|est|sont|pas|sur|dans|pour|qui|que|aux|avec|sans|cette|ou|il|elle|ne)(?![\w-])"
    r"|[«»]|\w (?:[:;?!]) |\b(?:NOMBRE|CHEMIN|NOM|AAAA|PAQUET)\b"
)
CLICK = re.compile(
    r"Usage:|Options:|Commands:|Show |Missing |Invalid |No such |Got |Did you mean|Choose from|Try |requires|is not"
)

# Run many command lines in one process, since a process costs more than a command: their texts and exit codes as JSON.
MANY = """
import contextlib, io, json, sys
import click
from nis2check.cli import main
from nis2check.language import use

use(json.loads(sys.argv[1]))
wanted = json.loads(sys.argv[2])
if not wanted:
    for name in main.COMMANDS:
        command = main._group().get_command(None, name)
        below = list(command.commands) if isinstance(command, click.Group) else []
        wanted += [[name, "--help"], *([name, one, "--help"] for one in below)]
told = []
for arguments in wanted:
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) as out:
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = main.run(arguments)
    told.append([arguments, code, out.buffer.getvalue().decode(), err.getvalue()])
print(json.dumps(told))
"""
FAULTS = (
    ("probe",),
    ("probe", "smtp", "x"),
    ("probe", "tls"),
    ("scpe",),
    ("scope",),
    ("scope", "--zzz"),
    ("scope", "--on"),
    ("scope", "243400819", "2", "3"),
    ("scope", "243400818"),
    ("scope", "--on", "demain", "243400819"),
    ("scope", "--population-figure", "x"),
    ("plan", "r.json", "--explain", "x"),
    ("report", "absent.json"),
    ("rules", "lst"),
    ("rules", "show", "tls/nothing"),
    ("explain", "recyf:99.9"),
    ("scan",),
    ("waive", "add"),
    ("init", "--domain", "a b"),
    ("check", "absent"),
)
ANSWERS = (
    ("--help",),
    ("scope", "243400819"),
    ("scope", "75056"),
    ("scope", "--nature", "SYNDICAT", "--population-figure", "40000"),
    ("explain", "tls/versions"),
    ("explain", "recyf:13.2"),
    ("rules", "show", "mail/dmarc"),
    ("rules", "list"),
    ("plan", str(GOLDEN)),
)


class Told(NamedTuple):
    arguments: list[str]
    code: int
    out: str
    err: str


def told(lang: str, folder: Path, *wanted: tuple[str, ...]) -> list[Told]:
    """What each command line says in a language; the help of every command and subcommand when none is given."""
    done = subprocess.run(
        [sys.executable, "-c", MANY, json.dumps(lang), json.dumps(wanted)],
        env={
            **{key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ},
            **{"HOME": str(folder), "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)},
            **{"NIS2CHECK_LANG": lang, "COLUMNS": "200"},
        },
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return [Told(*one) for one in json.loads(done.stdout)]


def lines(pattern: re.Pattern[str], text: str) -> list[str]:
    return [line for line in text.splitlines() if pattern.search(line)]


def quiet(text: str) -> str:
    """Without what is quoted from French law or named by it: titles of clauses and documents have no English."""
    return re.sub(
        r"\[[^][]*;\s+confidence\s+[ABC]\]|\(Assemblée nationale[^()]*(?:\([^()]*\))?[^()]*\)",
        "",
        text,
        flags=re.DOTALL,
    )


def test_help_in_english_holds_no_french(tmp_path: Path) -> None:
    pages = told("en", tmp_path)

    assert len(pages) > 20
    assert [line for page in pages for line in lines(FRENCH, page.out)] == []
    assert [page.arguments for page in pages if page.code or page.err or not page.out.startswith("Usage:")] == []


def test_help_in_french_holds_no_word_of_click(tmp_path: Path) -> None:
    pages = told("fr", tmp_path)

    assert len(pages) > 20
    assert [line for page in pages for line in lines(CLICK, page.out)] == []
    assert [page.arguments for page in pages if not page.out.startswith("Utilisation\u00a0:")] == []


def test_a_fault_is_told_in_one_language(tmp_path: Path) -> None:
    english, french = told("en", tmp_path, *FAULTS), told("fr", tmp_path, *FAULTS)

    assert [one for one in (*english, *french) if one.code != 2 or one.out or not one.err] == []
    assert [line for one in english for line in lines(FRENCH, one.err)] == []
    assert [line for one in french for line in lines(CLICK, one.err)] == []
    assert [len(one.err.splitlines()) for one in english] == [len(one.err.splitlines()) for one in french]


def test_an_answer_in_english_holds_no_french(tmp_path: Path) -> None:
    answers = told("en", tmp_path, *ANSWERS)

    assert [one.arguments for one in answers if not one.out] == []
    assert [line for one in answers for line in lines(FRENCH, quiet(one.out))] == []


def unspoken(value: Any) -> Any:
    """The same document, where all that the body itself wrote, in its own language, is ``x``."""
    if isinstance(value, dict):
        return {key: one if key in {"fr", "en"} else unspoken(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unspoken(one) for one in value]
    if isinstance(value, str) and (FRENCH.search(value) or not value.isascii()):
        return "x"
    return value


def readable(data: bytes) -> str:
    """The words of a rendered file: those of its pages, or of the XML inside a workbook."""
    if data.startswith(b"%PDF"):
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            parts = [book.read(name).decode() for name in book.namelist() if name.endswith(".xml")]
        return "\n".join(parts).replace("><", ">\n<")
    return data.decode()


# MonServiceSécurisé reads the French headings and words of its own template, whatever the language of the rest.
SPOKEN = [one for one in FORMATS if one.NAME not in {"json", "mon-service-securise"}]


@pytest.mark.parametrize("form", SPOKEN, ids=lambda one: str(one.NAME))
def test_a_format_in_english_holds_no_french(form: Format) -> None:
    document = unspoken(json.loads(GOLDEN.read_bytes()))

    text = readable(form.render(document, "en"))

    text = re.sub(r"<style.*?</style>|<[^>]+>|#[^\n]*nftables[^\n]*", " ", text, flags=re.DOTALL)
    assert lines(FRENCH, text) == []
