# SPDX-License-Identifier: EUPL-1.2
"""The table of commands, and the one place that prints errors and chooses the exit code.

Rule for this file: nothing heavy at the top; a command's module is imported when it is called. Click's own exit 1 (abort,
broken pipe, traceback) must not leak: every end of a command passes through `run`.
"""

from __future__ import annotations

import os
import signal
import sys
from gettext import gettext
from importlib import import_module
from typing import TYPE_CHECKING

import click

from nis2check import __version__
from nis2check.cli.exits import Exit
from nis2check.errors import Nis2checkError, WriteError
from nis2check.language import LANGUAGES, _, _n, reason, say, use
from nis2check.printing import Medium, clean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


# name → (module, one line of help). The order is that of a first use.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", _n("Analyser pour de vrai une petite mairie de démonstration, sur cette machine.")),
    "init": ("init", _n("Écrire le fichier nis2check.yaml d'une collectivité.")),
    "scope": ("scope", _n("Dire si un organisme entre dans le champ de NIS 2, à quel titre et pourquoi.")),
    "scan": ("scan", _n("Analyser les cibles déclarées (réseau) et donner les écarts et le plan.")),
    "check": ("check", _n("Juger les fichiers d'un dépôt d'infrastructure, sans réseau.")),
    "probe": ("probe", _n("Lancer une seule sonde et montrer ce qu'elle voit, sans verdict.")),
    "attest": ("attest", _n("Répondre aux mesures qu'aucune machine ne voit, avec leurs preuves.")),
    "waive": ("waive", _n("Accepter un écart pour un temps, lister et vérifier les dérogations.")),
    "plan": ("plan", _n("Montrer le plan d'actions d'un résultat.")),
    "brief": ("brief", _n("Écrire la page des élus : trois risques, trois décisions.")),
    "report": ("report", _n("Écrire un résultat dans d'autres formats.")),
    "bundle": ("bundle", _n("Réunir résultat, preuves et exports dans une archive vérifiable.")),
    "verify": ("verify", _n("Vérifier une telle archive : octets, signature, horodatage, rejeu.")),
    "diff": ("diff", _n("Comparer deux résultats : nouveaux écarts, corrigés, aggravés, non retestés.")),
    "history": ("history", _n("Lister, montrer et oublier les analyses gardées par scan --save.")),
    "serve": ("serve", _n("Ouvrir le tableau de bord des analyses gardées, sur cette machine seulement.")),
    "schedule": ("schedule", _n("Préparer des analyses régulières : systemd, cron, Kubernetes, GitLab, Windows.")),
    "explain": ("explain", _n("Expliquer une règle, une mesure ou une clause.")),
    "simulate": ("simulate", _n("Comparer des régimes juridiques sur tout le registre national.")),
    "rules": ("rules", _n("Lister, montrer, essayer et vérifier les règles.")),
    "register": ("register", _n("Montrer, vérifier ou reconstruire le registre des collectivités.")),
    "schema": ("schema", _n("Afficher un schéma JSON de nis2check.")),
}


class Commands(click.Group):
    """A group whose commands are imported on call; its help is written from the table alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"nis2check.cli.{COMMANDS[cmd_name][0]}").command
        if not any("--lang" in parameter.opts for parameter in command.params):
            command.params.append(_lang_option(hidden=True))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(gettext("Commands")):  # click's word, as in the help of groups of commands
            formatter.write_dl([(name, say(_(text))) for name, (_module, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names from the table: completing a command imports none."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=_(text)) for name, (_m, text) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1) if args else []
            if near:
                hint = _("Vouliez-vous dire « {near} » ?").format(near=near[0])
                raise click.UsageError(f"{error.message} {hint}", error.ctx) from None
            raise


def _lang_option(*, hidden: bool = False) -> click.Option:
    return click.Option(
        ["--lang"],
        type=click.Choice(LANGUAGES),
        expose_value=False,
        hidden=hidden,
        help=_("Langue des textes (fr ou en ; NIS2CHECK_LANG)."),
    )


def _group() -> Commands:
    group = Commands(
        "nis2check",
        help=say(
            _(
                "Écarts NIS 2 des collectivités françaises : champ d'application, sondes légères, règles, plan d'actions. "
                "Aide à la préparation ; ne vaut ni certification, ni audit, ni avis juridique."
            )
        ),
        epilog=say(_("Pour commencer : nis2check demo")),
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        callback=lambda: None,
    )
    group.params.append(_lang_option())
    group.params.append(
        click.Option(["--debug"], is_flag=True, expose_value=False, help=_("Montrer la trace d'une erreur interne."))
    )
    version = click.version_option(__version__, message="%(prog)s %(version)s", prog_name="nis2check")
    version(group)
    return group


def _wanted_language(arguments: list[str]) -> str:
    """The language asked, before click parses anything: its own messages follow it too."""
    for index, argument in enumerate(arguments):
        if argument == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
    return os.environ.get("NIS2CHECK_LANG", "fr")


class Terminated(BaseException):
    """SIGTERM, outside of a scan that handles it itself."""


def _on_terminate(_number: int, _frame: object) -> None:
    raise Terminated


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code (DESIGN 5). Prints errors, one line each, on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    use(_wanted_language(arguments))
    try:
        signal.signal(signal.SIGTERM, _on_terminate)
    except ValueError:  # not the main thread: a test
        pass
    return _flushed(_run(arguments))


def _run(arguments: list[str]) -> int:  # noqa: C901 - one table of ends
    try:
        code = _group().main(args=arguments, prog_name="nis2check", standalone_mode=False)
        return int(code) if isinstance(code, int) else Exit.OK
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.message, err=True)
        return Exit.USAGE
    except click.UsageError as error:
        said = " ".join(error.format_message().split())  # choices come one a line
        _tell(said if said.endswith((".", "?")) else f"{said}.", advice=_advice(error))
        return Exit.USAGE
    except click.ClickException as error:
        _tell(error.format_message())
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt, EOFError) as error:
        return _aborted(error)
    except Terminated:
        return Exit.TERMINATED
    except WriteError as error:
        _tell_error(error)
        return Exit.NOT_WRITTEN
    except Nis2checkError as error:
        _tell_error(error)
        return Exit.USAGE
    except SystemExit as end:  # click leaves so for a closed pipe (1), and for shell completion
        return Exit.NOT_WRITTEN if end.code == 1 else int(end.code or 0)
    except OSError as error:
        return _system(error)
    except Exception as error:  # noqa: BLE001 - the last net: a bug of ours must not read as a verdict
        return _internal(error, debug="--debug" in arguments)


def _advice(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "nis2check"
    return _("Aide : {path} --help").format(path=path)


def _aborted(error: BaseException) -> int:
    """Ctrl-C is 130; the end of standard input at a question is a usage fault: nobody can answer."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, EOFError):
            _tell(_("Entrée standard fermée : répondre par des options (--no-input nomme celle qui manque)."))
            return Exit.USAGE
        chain = chain.__cause__ or chain.__context__
    _tell(_("Interrompu."))
    return Exit.INTERRUPTED


def _system(error: OSError) -> int:
    """An OSError that nobody turned into a sentence: on standard output it is a lost result, elsewhere a bug of ours."""
    import errno

    if (
        error.errno in {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT}
        and not error.filename
    ):
        _tell(_("Sortie standard : écriture impossible ({reason}).").format(reason=reason(error)))
        return Exit.NOT_WRITTEN
    return _internal(error, debug=False)


def _internal(error: BaseException, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None:
        where = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})"  # noqa: PTH119 - lighter
    what = _("Erreur interne de nis2check : {kind}{where}.").format(kind=type(error).__name__, where=where)
    _tell(what, advice=_("La trace : ajouter --debug après nis2check."))
    return Exit.INTERNAL


def _tell_error(error: Nis2checkError) -> None:
    where = f"{error.place}: " if error.place else ""
    _tell(f"{where}{error.what}", advice=error.advice)
    for line in error.more:
        _tell(line)


def _tell(what: str, *, advice: str = "") -> None:
    line = f"nis2check: {what}" + (f" {advice}" if advice else "")
    try:
        click.echo(say(clean(line, Medium.LOG, longest=2000)), err=True)
    except OSError:
        pass  # stderr is gone: nobody to tell


def _flushed(code: int) -> int:
    """Flush standard output now, while its errors can still be seen: a full disk or a closed pipe is 74, never silence."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _silence_stdout()
        return code if code in {Exit.INTERRUPTED, Exit.TERMINATED} else Exit.NOT_WRITTEN
    return code


def _silence_stdout() -> None:
    """Keep the interpreter from failing again, with a traceback, when it flushes at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
