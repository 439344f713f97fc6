"""Whose fault it is when an output is not written, and what the new file inherits from the old."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.errors import InvalidData, NotWritable
from nbdeploy.files import TemporaryFolder, replacing, write_atomically
from nbdeploy.tables import open_sink
from tests.models import NUMBERS, penguins


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_error_of_the_model_is_the_models(script: Callable[[str], dict[str, Any]]) -> None:
    """A model that misses a file of its own says so, and for which row; the output is not blamed, and stays."""
    script(
        """
import nbdeploy as nd
import pandas as pd

def lookup(rows):
    if rows["x"].max() > 1000:
        raise FileNotFoundError(2, "No such file or directory", "/data/lookup.csv")
    return rows["x"]

answer = nd.snapshot(lookup, "lookup", data=pd.DataFrame({"x": [1.0, 2.0]})).document()
"""
    )
    Path("in.csv").write_text("x\n2000\n")
    Path("out.csv").write_text("old")
    told = r"in.csv, line 2: the model raised FileNotFoundError: .*/data/lookup\.csv"
    with pytest.raises(InvalidData, match=told) as caught:
        nd.predict("lookup", "in.csv", "out.csv")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert Path("out.csv").read_text() == "old"
    assert sorted(p.name for p in Path().glob("*.*")) == ["answer.json", "in.csv", "out.csv"]
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_full_disk_is_named_by_the_outputs_name(kind: str) -> None:
    """A sink that cannot write, and then cannot close, says that the output could not be written."""
    program = f"""
from pathlib import Path
import numpy as np, polars as pl
from nbdeploy.errors import NotWritable
from nbdeploy.tables import open_sink
try:
    with open_sink(Path("disk/out.{kind}")) as sink:
        for _ in range(20):
            sink.write(pl.DataFrame({{"x": np.random.default_rng(0).random(5000)}}))
except NotWritable as error:
    print(error)
print([p.name for p in Path("disk").iterdir()])
"""
    Path("program.py").write_text(program)
    steps = f"mkdir disk && mount -t tmpfs -o size=96k tmpfs disk && {sys.executable} program.py"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", steps]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"disk/out.{kind} could not be written: "), done.stderr
    assert "No space left" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_damaged_parquet_file_is_refused(stock: Path) -> None:
    """Damage inside the file is found while reading, and named as the input's, not the output's."""
    rng = np.random.default_rng(0)
    pl.DataFrame({name: rng.random(5000) for name in NUMBERS}).write_parquet("in.parquet", compression="zstd")
    damaged = bytearray(Path("in.parquet").read_bytes())
    damaged[4:60] = b"\xff" * 56
    Path("in.parquet").write_bytes(damaged)
    for out in (None, "out.csv"):
        with pytest.raises(InvalidData, match=r"in\.parquet cannot be read as Parquet"):
            nd.predict("lr", "in.parquet", out)


def test_an_output_keeps_its_permissions_and_links(stock: Path) -> None:
    """A private file stays private when it is written again, and a link goes on pointing to it."""
    penguins()[0][NUMBERS].fillna(0.0).to_csv("in.csv", index=False)
    private = Path("folder/private.csv")
    write_atomically(private, b"old")
    private.chmod(0o600)
    Path("link.csv").symlink_to(private)
    nd.predict("lr", "in.csv", "link.csv")
    assert Path("link.csv").is_symlink()
    assert private.read_text().startswith("prediction\n")
    assert _mode(private) == 0o600
    assert list(private.parent.iterdir()) == [private]


@pytest.mark.parametrize(("umask", "usual"), [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_are_right_from_the_start(tmp_path: Path, umask: int, usual: int) -> None:
    """New files get what the umask gives; a file with a mode is never readable by more than that."""
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "usual", b"")
        assert _mode(tmp_path / "usual") == usual
        for mode in (0o600, 0o640, 0o444):
            with replacing(tmp_path / "usual", mode) as part:
                assert _mode(part) & ~(mode | 0o600) == 0
                part.write_bytes(b"secret")
            assert _mode(tmp_path / "usual") == mode
    finally:
        os.umask(before)


def test_the_umask_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to the whole process: another thread's new file would be open to everybody."""
    changed: list[int] = []
    real: Callable[[int], int] = os.umask
    monkeypatch.setattr(os, "umask", lambda mask: changed.append(mask) or real(mask))
    write_atomically(tmp_path / "file", b"new")
    assert changed == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Below a file, or where a folder is: refused before and after the block."""
    (tmp_path / "file").write_text("old")
    with pytest.raises(NotWritable, match=r"below\.csv could not be written"), open_sink(tmp_path / "file/below.csv"):
        pass
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(NotWritable, match=r"folder\.csv could not be written"):
        write_atomically(tmp_path / "folder.csv", b"new")


def test_an_interrupt_of_its_removal_leaves_no_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in it is the user's: it goes though she interrupts while it goes."""
    remove = shutil.rmtree

    def interrupted(*args: Any, **options: Any) -> None:
        monkeypatch.setattr(shutil, "rmtree", remove)
        raise KeyboardInterrupt

    folder = TemporaryFolder(dir=tmp_path)
    Path(folder.name, "rows.parquet").write_bytes(b"rows")
    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.cleanup()
    assert not Path(folder.name).exists()
