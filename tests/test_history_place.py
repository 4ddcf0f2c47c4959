# SPDX-License-Identifier: EUPL-1.2
"""Where a history is kept when nobody says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from nis2check.errors import InputError
from nis2check.history import place


def test_beside_the_file_of_the_body(tmp_path: Path) -> None:
    assert place.to_write(tmp_path / "nis2check.yaml", {}) == tmp_path / ".nis2check" / "history.sqlite"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/home/dsi"}, "/home/dsi/.local/state/nis2check/history.sqlite"),
        ({"HOME": "/home/dsi", "XDG_STATE_HOME": "/var/lib/dsi"}, "/var/lib/dsi/nis2check/history.sqlite"),
        ({"HOME": "/home/dsi", "XDG_STATE_HOME": "relative"}, "/home/dsi/.local/state/nis2check/history.sqlite"),
    ],
)
def test_else_in_the_state_folder_of_the_user(environment: dict[str, str], expected: str) -> None:
    assert place.to_write(Path("/absent/folder/nis2check.yaml"), environment) == Path(expected)


def test_nowhere_is_said() -> None:
    with pytest.raises(InputError, match="Nulle part"):
        place.to_write(Path("/absent/folder/nis2check.yaml"), {})


def test_one_that_exists_is_read_beside_first(tmp_path: Path) -> None:
    body, state = tmp_path / "town" / "nis2check.yaml", tmp_path / "state"
    environment = {"XDG_STATE_HOME": str(state)}
    with pytest.raises(InputError, match="Aucun historique"):
        place.to_read(body, environment)
    for path in (state / "nis2check" / "history.sqlite", body.parent / ".nis2check" / "history.sqlite"):
        path.parent.mkdir(parents=True)
        path.touch()
        assert place.to_read(body, environment) == path


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".nis2check").symlink_to("elsewhere")

    for find in (place.to_read, place.to_write):
        with pytest.raises(InputError, match="lien"):
            find(tmp_path / "nis2check.yaml", {})


def test_a_folder_made_for_a_history_stays_out_of_git_and_private(tmp_path: Path) -> None:
    place.prepare(tmp_path / ".nis2check" / "history.sqlite")

    assert (tmp_path / ".nis2check" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".nis2check").stat().st_mode & 0o077 == 0
