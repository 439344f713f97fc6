"""How Jupyter finds the panel."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from nbdeploy import lab


def test_the_server_extension_is_the_package_that_the_installed_settings_name() -> None:
    """The point that Jupyter loads can be imported, and adds routes."""
    [point] = lab._jupyter_server_extension_points()
    assert hasattr(import_module(point["module"]), "_load_jupyter_server_extension")


def test_the_built_panel_lies_beside_the_package() -> None:
    """Where the build puts it is where ``jupyter-builder develop`` looks."""
    [built] = lab._jupyter_labextension_paths()
    place = Path(lab.__file__).parent / built["src"]
    assert place.resolve() == Path(lab.__file__).parents[1] / "labextension"
    assert built["dest"] == "nbdeploy"
