# SPDX-License-Identifier: EUPL-1.2
"""The objects of a git repository of strangers, read through an empty repository of our own.

git obeys the configuration of the repository it works in: filters, hooks, fsmonitor, external diffs and helpers of
remotes are commands. So it never works in the one under examination. It gets a repository that we make, without any
setting, that borrows the objects (GIT_OBJECT_DIRECTORY); names of branches and tags are looked up here, by reading files.
No work tree, no index, no network: it only reads objects.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from nis2check.errors import InputError, Place
from nis2check.language import _

SECONDS = 60.0  # of one question to git
LARGEST_LIST = 128 << 20  # bytes of a listed tree
LARGEST_BLOB = 5 << 20  # as of a file that is read
LARGEST_REFS = 64 << 20
MOST_HOPS = 5  # from a symbolic name to another

# gitrevisions(7): the order in which a short name is looked for.
_PLACES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_ASKED = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9._/+-]*)(?P<steps>(?:[~^]\d{0,6})*)\Z")
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_SHORT_ID = re.compile(r"[0-9a-f]{7,64}\Z")


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a repository keeps its things. ``own`` differs from ``common`` in a linked work tree."""

    top: Path  # of the work tree
    own: Path
    common: Path


def find(path: Path) -> Repository:
    """The repository that holds a folder. Raises InputError: there is none."""
    here = Path(os.path.realpath(path))
    for top in (here, *here.parents):
        mark = top / ".git"
        if mark.is_dir():
            return Repository(top, mark, mark)
        if mark.is_file():  # a linked work tree or a submodule
            own = top / _first_line(mark).removeprefix("gitdir:").strip()
            common = own / _first_line(own / "commondir") if (own / "commondir").is_file() else own
            return Repository(top, own, common)
    raise InputError(_("--diff : ce dossier n'est pas dans un dépôt git."), place=Place(str(path)))


def _first_line(path: Path) -> str:
    return _text(path, 4096).partition("\n")[0].strip()


def _text(path: Path, largest: int) -> str:
    """The text of a small file of a repository; empty when it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            return stream.read(largest).decode("utf-8", "replace")
    except OSError:
        return ""


class Objects:
    """The objects of a repository for the time of a ``with``."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._refs = _packed(repository.common)
        head = self._name("HEAD")
        self._sha256 = len(head) == 64
        self._folder = tempfile.TemporaryDirectory(prefix="nis2check-git-")

    def __enter__(self) -> Objects:
        folder = Path(self._folder.name)
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        version, extensions = ("1", "[extensions]\n\tobjectFormat = sha256\n") if self._sha256 else ("0", "")
        (folder / "config").write_text(f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extensions}")
        shallow = _text(self._repository.common / "shallow", LARGEST_REFS)
        if shallow:
            (folder / "shallow").write_text(shallow)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def commit(self, asked: str) -> str:
        """The id of a commit. Raises InputError: a name of another form, an unknown one, or one that was not fetched."""
        match = _ASKED.match("HEAD" + asked[1:] if asked.startswith("@") else asked)
        if match is None or ".." in asked:
            raise InputError(
                _("--diff : révision refusée : « {base} ».").format(base=asked),
                advice=_("Donner une branche, une étiquette ou un commit, par exemple origin/main ou HEAD~1."),
            )
        name = self._name(match["name"]) or (match["name"] if _SHORT_ID.match(match["name"]) else "")
        found = self._ask("rev-parse", "--verify", "--quiet", f"{name}{match['steps']}^{{commit}}") if name else b""
        if not found.strip():
            raise InputError(
                _("--diff : révision inconnue ici : « {base} ».").format(base=asked),
                advice=_("Dans un clone partiel : git fetch --depth=1 origin BRANCHE, puis --diff FETCH_HEAD."),
            )
        return found.decode("ascii").strip()

    def merge_base(self, commit: str) -> str | None:
        """Where HEAD left that commit; None when a shallow clone does not hold it."""
        head = self._name("HEAD")
        found = self._ask("merge-base", commit, head).split() if head else []
        return found[0].decode("ascii") if found else None

    def tree(self, commit: str, folder: str) -> dict[str, str]:
        """Path in the folder (POSIX, as the walk shows it) → id of its content; empty when the commit has no such folder."""
        listed = self._ask("ls-tree", "-r", "-z", f"{commit}:{folder}")
        found: dict[str, str] = {}
        for entry in listed.split(b"\0"):
            head, _tab, name = entry.partition(b"\t")
            words = head.split()
            if len(words) == 3 and words[1] == b"blob":
                found[name.decode("utf-8", "backslashreplace")] = words[2].decode("ascii")
        return found

    def content(self, id_: str) -> bytes | None:
        """The content of an object; None when the clone does not hold it or it is too large to compare."""
        size = self._ask("cat-file", "-s", id_).strip()
        if not size.isdigit() or int(size) > LARGEST_BLOB:
            return None
        return self._ask("cat-file", "blob", id_)

    def _ask(self, *arguments: str) -> bytes:
        """What git says; empty when it fails. Raises InputError: no git, or one that does not end."""
        try:
            done = subprocess.run(  # noqa: S603 - a closed list of questions, in an environment of ours
                ["git", "--no-pager", "--no-replace-objects", *arguments],  # noqa: S607 - git is where PATH says
                cwd=self._folder.name,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise InputError(_("--diff : git n'est pas installé.")) from None
        except subprocess.TimeoutExpired:
            raise InputError(_("--diff : git ne répond pas.")) from None
        return done.stdout if done.returncode == 0 and len(done.stdout) <= LARGEST_LIST else b""

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_DIR": self._folder.name,
            "GIT_OBJECT_DIRECTORY": str((self._repository.common / "objects").absolute()),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "none",  # no transport at all, so that no missing object is ever asked for
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
        }

    def _name(self, name: str) -> str:
        """The id that a name stands for, empty when none does."""
        for place in _PLACES:
            found = self._ref(place.format(name))
            if found:
                return found
        return ""

    def _ref(self, name: str) -> str:
        for _hop in range(MOST_HOPS):
            said = self._read(name)
            if not said.startswith("ref:"):
                return said if _ID.match(said) else ""
            name = said[4:].strip()
            if ".." in name or name.startswith("/"):
                return ""
        return ""

    def _read(self, name: str) -> str:
        for folder in dict.fromkeys((self._repository.own, self._repository.common)):
            words = _first_line(folder / name).split()
            if words:
                return " ".join(words[:2]) if words[0] == "ref:" else words[0]
        return self._refs.get(name, "")


def _packed(common: Path) -> dict[str, str]:
    """gitrepository-layout(5), packed-refs: an id and a name a line."""
    refs: dict[str, str] = {}
    for line in _text(common / "packed-refs", LARGEST_REFS).splitlines():
        id_, _space, name = line.partition(" ")
        if _ID.match(id_):
            refs[name.strip()] = id_
    return refs
