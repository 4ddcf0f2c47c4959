# SPDX-License-Identifier: EUPL-1.2
"""``nis2check explain RULE | recyf:13.2 | nis2:21(2)(h) | regime:senate-2025``: what it asks, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from nis2check.language import _, chosen, say
from nis2check.model import Json
from nis2check.printing import Medium, clean

_WIDE = 96


@click.command("explain", help=say(_("Expliquer une règle, une mesure, une clause ou un régime.")))
@click.argument("subject", metavar=_("RÈGLE|recyf:MESURE|SOURCE:CLAUSE|regime:ID"))
@click.option("--json", "as_json", is_flag=True, help=_("Écrire nis2check.explain/1 sur la sortie standard."))
@click.option("--markdown", "as_page", is_flag=True, help=_("Écrire la page de documentation (Markdown)."))
@click.option(
    "--policies", multiple=True, metavar="PATH", type=click.Path(path_type=Path), help=_("Dossier de règles en plus.")
)
def command(subject: str, as_json: bool, as_page: bool, policies: tuple[Path, ...]) -> None:
    from nis2check.files import canonical, write_stdout
    from nis2check.report.page import markdown

    about = _about(subject, policies)
    if as_json:
        write_stdout(canonical(about))
    elif as_page:
        write_stdout(markdown(about, chosen()))
    else:
        tell(about)


def _about(subject: str, policies: tuple[Path, ...]) -> Mapping[str, Json]:
    kind, colon, regime = subject.partition(":")
    if colon and kind == "regime":
        from nis2check.law.describe import describe
        from nis2check.law.regime import load as load_regime

        return describe(load_regime(regime))
    from nis2check.cli.judging import load_rules
    from nis2check.frameworks import load
    from nis2check.rules.explain import explain

    return explain(subject, load_rules(policies)[0], load())


def tell(about: Mapping[str, Json]) -> None:
    """Print an explanation for a person."""
    for line in _lines(about):
        click.echo(line)


def _lines(about: Mapping[str, Json]) -> Iterator[str]:
    from nis2check.report.page import Code, Heading, Item, Line, Title, blocks

    after_item = False
    for block in blocks(about):
        match block:
            case Title(text):
                yield click.style(_wrapped(text), bold=True)
            case Heading(text):
                yield from ("", click.style(say(clean(text, Medium.TERMINAL)), bold=True))
            case Line(text):
                yield from ("", _wrapped(text)) if after_item else (_wrapped(text, indent=2),)
            case Item(text, _subject, url):
                yield _wrapped(text, indent=2)
                if url and url != text:
                    yield f"    {clean(url, Medium.TERMINAL)}"
            case Code(label, text):
                yield from ("", f"  {clean(label, Medium.TERMINAL)}")
                yield from (f"    {clean(line, Medium.TERMINAL, longest=1000)}" for line in text.splitlines())
        after_item = isinstance(block, Item)


def _wrapped(text: str, *, indent: int = 0) -> str:
    """One paragraph of ours or of a body's own rule, wrapped and made harmless."""
    safe = say(clean(text, Medium.TERMINAL, longest=4000))
    return click.wrap_text(safe, _WIDE, " " * indent, " " * indent)
