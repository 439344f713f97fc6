"""The environment: the distributions that were imported, with extras and sources, as pip installs them again."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.environments.building import refused_package
from nbdeploy.environments.wanted import OURS
from nbdeploy.errors import RehearsalFailed
from nbdeploy.manifest import Environment
from nbdeploy.snapshots.rehearsal.environment import environment, requirements
from nbdeploy.snapshots.rehearsal.imports import Imports


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for distributions made up here."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith("made_")]:
        del sys.modules[name]


def install(site: Path, name: str, files: dict[str, str], metadata: str = "", direct_url: object = None) -> None:
    """Lay a distribution down as pip would."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}")
    info.joinpath("RECORD").write_text("".join(f"{path},,\n" for path in files))
    if direct_url is not None:
        info.joinpath("direct_url.json").write_text(json.dumps(direct_url))
    importlib.invalidate_caches()


def imported(*names: str) -> dict[str, str]:
    """What a model that imports these modules needs."""
    with Imports() as imports:
        for name in names:
            importlib.import_module(name)
    return imports.needed_by(names)


def test_only_what_the_model_imports_is_followed(site: Path) -> None:
    """What somebody else imported meanwhile is none of the model's, whoever imported it first."""
    install(site, "made-model", {"made_model.py": "import made_lib\n"})
    install(site, "made-lib", {"made_lib.py": ""})
    install(site, "made-harness", {"made_harness.py": "import made_lib, made_model\n"})
    with Imports() as imports:
        importlib.import_module("made_harness")
    found = environment(imports.needed_by({"made_model"}))
    assert found.environment.packages == {"made-lib": "1.0", "made-model": "1.0"}
    assert found.notices == ()


def test_a_lazy_import_while_predicting_counts(site: Path) -> None:
    """An import inside a function, and one by name, are seen when they happen."""
    install(site, "made-a", {"made_a.py": "def f():\n    import made_b.deep\n"})
    install(
        site,
        "made-b",
        {"made_b/__init__.py": "", "made_b/deep.py": "import importlib\nimportlib.import_module('made_c')"},
    )
    install(site, "made-c", {"made_c.py": ""})
    module = importlib.import_module("made_a")
    with Imports() as imports:
        module.f()
    assert set(environment(imports.needed_by({"made_a"})).environment.packages) == {"made-a", "made-b", "made-c"}


def test_a_namespace_is_told_apart_by_files(site: Path) -> None:
    """Two distributions share a package; the one whose file was imported is needed."""
    install(site, "made-ns-one", {"made_ns/one/__init__.py": ""})
    install(site, "made-ns-two", {"made_ns/two/__init__.py": ""})
    assert set(environment(imported("made_ns.one")).environment.packages) == {"made-ns-one"}


def test_extras_are_kept(site: Path) -> None:
    """An extra that another distribution asks for, and one whose packages the model imports."""
    extra = "Provides-Extra: {0}\nRequires-Dist: {1}; extra == '{0}'\n"
    extra = extra.format("fast", "made-speed") + extra.format("no", "made-nothing")
    install(site, "made-web", {"made_web.py": "try:\n    import made_speed\nexcept ImportError: pass"}, extra)
    install(site, "made-speed", {"made_speed.py": ""})
    install(site, "made-app", {"made_app.py": ""}, "Requires-Dist: made-web[fast]\n")
    for module in ("made_web", "made_app"):
        found = environment(imported(module)).environment
        assert found.extras == {"made-web": ["fast"]}
        assert b"made-web[fast]==1.0\nmade-speed" not in requirements(found)
        assert {"made-web[fast]==1.0", "made-speed==1.0"} <= set(requirements(found).decode().splitlines())


def test_where_it_was_installed_from_is_told(site: Path) -> None:
    """A commit is installed again; a folder cannot be, and the notice says where it is."""
    commit = {"vcs": "git", "commit_id": "abc123"}
    url = "https://me:secret@git.example/made.git"
    install(site, "made-git", {"made_git.py": ""}, "", {"url": url, "vcs_info": commit, "subdirectory": "py"})
    install(site, "made-here", {"made_here.py": ""}, "", {"url": "file:///src/here", "dir_info": {"editable": True}})
    found = environment(imported("made_git", "made_here"))
    lines = requirements(found.environment).decode().splitlines()
    assert lines == [
        "made-git @ git+https://git.example/made.git@abc123#subdirectory=py",
        "# made-here==1.0 was installed from a local folder",
    ]
    assert len(found.notices) == 1
    assert "made-here 1.0 was installed from /src/here (editable)" in found.notices[0]


def test_a_build_label_is_left_to_the_index() -> None:
    """An index has ``torch 2.13.0`` in several builds; the environment tells which one it was."""
    assert requirements(Environment("3.11.7", {"torch": "2.13.0+cpu"})) == b"torch==2.13.0\n"


def test_a_stored_environment_is_what_is_installed_here(stock: Path) -> None:
    """Every line of the requirements parses and is at its version; nothing of the rehearsal's own is among them."""
    predictor = nd.load("species")
    lines = (predictor.bundle.path / "requirements.txt").read_text().splitlines()
    needs = [Requirement(line) for line in lines]
    assert {"scikit-learn", "numpy", "pandas", "scipy", "joblib"} <= {need.name for need in needs}
    assert not {"polars", "nbdeploy", "msgspec", "pytest", "obstore", "torch"} & {need.name for need in needs}
    for need in needs:
        assert need.specifier.contains(version(need.name), prereleases=True), need
    told = nd.show("species").document()["environment"]
    assert told["python"] == sys.version.split()[0]
    assert told["cpu"]["model"]


def test_loading_needs_no_more_than_a_new_environment_has(script: Callable[[str], dict[str, Any]]) -> None:
    """What a new environment gets of nbdeploy's own is what the clean process imports before there is a model."""
    answer = script(
        """
from nbdeploy.snapshots.rehearsal.imports import Imports
with Imports() as imports:
    import nbdeploy.snapshots.rehearsal.trial
from nbdeploy.snapshots.rehearsal.environment import environment
answer = environment(imports.needed_by({"nbdeploy.snapshots.rehearsal.trial"})).environment.packages
"""
    )
    ours = environment({{"pyyaml": "yaml"}.get(name, name): "" for name in OURS}).environment.packages
    assert answer.keys() <= ours.keys()


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: No matching distribution found for six==99",
        "Because there is no version of six==99 and you require six==99, we can conclude …",
    ],
)
def test_the_package_that_an_installer_refuses_is_named(said: str) -> None:
    """Whatever the installer."""
    assert refused_package(said, "numpy==2.4\nsix==99\nlongsix==1\n") == "six==99"


def test_a_new_environment_answers_the_same(stock: Path) -> None:
    """A virtual environment of nothing but the requirements, from the index that pip is set to."""
    shown = api.verify("lr", fresh_env=True)
    assert shown.document()["rehearsal"]["environment"] == "new"
    assert "new environment" in shown.line


def test_an_environment_that_cannot_be_built_names_the_package(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real installer without an index refuses, and its refusal is told in words."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(
        RehearsalFailed, match=r"environment of this snapshot cannot be built here: [\w.-]+.*==.* cannot be"
    ):
        api.verify("lr", fresh_env=True)
