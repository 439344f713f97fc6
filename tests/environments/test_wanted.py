"""What a snapshot's requirements may say, and what of them is not so here."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from msgspec import convert

from nbdeploy.environments.wanted import HERE, Wanted
from nbdeploy.errors import Corrupted
from nbdeploy.manifest import Environment


class Content:
    environment = convert({"python": f"{HERE}.99"}, Environment)


def wanted(folder: Path, text: str) -> Wanted:
    (folder / "requirements.txt").write_text(text)
    return Wanted.by(folder, Content)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://evil.example",
        "-r /etc/passwd",
        "-e .",
        "./model",
        "evil @ file:///tmp/evil.whl",
        "evil @ http://evil.example/evil.whl",
        "numpy==2 --config-settings x",
    ],
)
def test_no_line_is_an_order_to_the_installer(tmp_path: Path, line: str) -> None:
    """Uploaded text reaches it as names, versions and addresses only."""
    with pytest.raises(Corrupted, match=r"requirements\.txt"):
        wanted(tmp_path, f"numpy==2.4.6\n{line}\n")


def test_what_is_here_in_the_same_version_makes_no_difference(tmp_path: Path) -> None:
    """Neither does a build label; another version, another Python or another source does."""
    here = wanted(tmp_path, f"# comment\njoblib=={version('joblib')}\ntorch=={version('torch').partition('+')[0]}\n")
    assert here.differences() == []
    assert "Python" in replace(here, python="2.7").differences()[0]
    other = wanted(tmp_path, "joblib==0.1\nnobody-has-this==1\nsix @ git+https://git.example/six@abc")
    joblib, nobody, six = other.differences()
    assert joblib == f"joblib {version('joblib')} here, not ==0.1"
    assert nobody == "nobody-has-this is not installed here"
    assert six.endswith("not from git+https://git.example/six@abc")
    assert other.digest != here.digest
