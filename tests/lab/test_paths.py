"""Paths below the server's root."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.errors import InvalidName
from nbdeploy.lab.paths import file_below, opening, path_below

ROOT = Path("/srv/root")


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "", "c.ipynb", "...", "\0"]), max_size=8).map("/".join))
def test_a_file_is_below_the_root_or_refused(path: str) -> None:
    """No mixture of steps leads out."""
    try:
        found = file_below(ROOT, path)
    except InvalidName:
        assert ".." in path or "\0" in path
    else:
        assert ".." not in found.parts
        assert found.is_relative_to(ROOT)


def test_a_file_below_the_root_comes_back_as_its_path(tmp_path: Path) -> None:
    """What JupyterLab opens is what the run wrote."""
    assert path_below(tmp_path, file_below(tmp_path, "a/b c.ipynb")) == "a/b c.ipynb"


def test_a_link_is_followed_as_the_file_browser_does(tmp_path: Path) -> None:
    """A linked data disk stays usable."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "data").symlink_to(tmp_path)
    assert file_below(tmp_path / "root", "data/n.ipynb") == tmp_path / "root" / "data" / "n.ipynb"


@pytest.mark.parametrize("place", ["/etc/hosts", "/srv/rooted/n.ipynb"])
def test_a_file_elsewhere_has_no_path(place: str) -> None:
    """A neighbour whose name begins alike is elsewhere too."""
    assert path_below(ROOT, place) is None


def test_a_hidden_file_is_not_said_to_open(tmp_path: Path) -> None:
    """JupyterLab refuses it: what lies in a hidden home is shown by routes instead."""
    (tmp_path / ".local").mkdir()
    for place in ("n.ipynb", ".local/n.ipynb"):
        (tmp_path / place).touch()
    places = (tmp_path / "n.ipynb", tmp_path / ".local" / "n.ipynb", tmp_path / "gone.ipynb", tmp_path / ".local")
    assert [opening(tmp_path, place) for place in places] == ["n.ipynb", None, None, None]
