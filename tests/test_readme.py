"""The README is true: its notebook and shell lines run, and its tables name all there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nbdeploy.commands import cli
from nbdeploy.commands.tree import TABLE
from nbdeploy.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Fenced blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_example_runs(home: Path) -> None:
    """The notebook's cells in a real kernel, one after another, then the shell's lines after them."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in blocks("python")])
    work = Path.cwd()
    try:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(work)}}).execute()
        said = "\n".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
        for quoted in re.findall(r"^> `(.*)`$", README, re.MULTILINE):
            pattern = re.sub(r"[0-9.]+(?=\\ KiB)", "[0-9.]+", re.escape(quoted).replace("\\.", "."))
            assert re.search(pattern, said), quoted
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        for line in "".join(blocks("bash")).splitlines():
            done = subprocess.run(
                line, shell=True, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert (work / "scores.csv").exists()
    finally:
        from nbdeploy.serving import background

        background.stop(Settings.load().endpoint_home)


def test_the_two_commands_are_the_ones_that_are_tried() -> None:
    """The first is the demo's own test, the second what CI runs."""
    assert [block.strip() for block in blocks("sh")] == ["pip install . && nbdeploy demo", "bash tests/run"]
    assert "bash tests/run" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_command_is_in_the_table(name: str) -> None:
    """Each command stands in the README with each of its own options, there or in the section that it names."""
    rows = README.partition("## Commands")[2].partition("\n## ")[0]
    row = next((line for line in rows.splitlines() if re.search(rf"`{name}[ `]", line)), None)
    assert row is not None, f"{name} is not in the README"
    row += "".join(
        README.partition(f"\n## {title}\n")[2].partition("\n## ")[0] for title in re.findall(r"see \*(.+?)\*", row)
    )
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    options = [o for p in command.params for o in p.opts if p.param_type_name == "option" and not p.hidden]  # type: ignore[attr-defined]
    common = {"--json", "--debug", "--help", "-h"}
    short = {"--data": "-X", "--labels": "-y", "--parameter": "-p", "--raw": "-r", "--file": "-f"}
    for option in (o for o in options if o.startswith("--") and o not in common):
        assert option in row or short.get(option, option) in row, f"{name} {option} is not in the README"


def test_every_setting_is_in_the_table() -> None:
    """And nothing that is none."""
    named = set(re.findall(r"^\| `NBDEPLOY_([A-Z_]+)`", README, re.MULTILINE))
    assert named == {name.upper() for name in Settings.load().sources}
