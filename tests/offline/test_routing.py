"""Which files are inputs, where each is written to, and what is refused before anything is done."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.errors import Unreachable, WrongUsage
from nbdeploy.offline.listing import Input, Listing, listed, suffix_of
from nbdeploy.offline.provenance import place_beside
from nbdeploy.offline.routing import routed
from nbdeploy.offline.settling import SETTLE, Settling
from nbdeploy.tables import open_sink, open_source
from tests.tables.test_places import TABLE

NAMES = st.text(st.sampled_from("ab.1 é-[*"), min_size=1, max_size=6).filter(lambda name: name[0] != ".")
SUFFIXES = st.sampled_from([".csv", ".CSV", ".tsv", ".csv.gz", ".jsonl.zst", ".parquet", ".xlsx"])
FILES = st.builds(
    lambda folders, name, suffix: "/".join([*folders, name + suffix]), st.lists(NAMES, max_size=2), NAMES, SUFFIXES
)
KINDS = st.sampled_from([None, "csv", ".parquet", "csv.gz"])


def listing(names: list[str], folder: str = "inbox") -> Listing:
    return Listing(folder, tuple(Input(f"{folder}/{name}", PurePosixPath(name), 1, 0) for name in names), {})


@given(st.lists(FILES, unique=True, max_size=6), KINDS, st.booleans())
def test_every_input_gets_an_output_of_its_own_or_all_are_refused(
    names: list[str], kind: str | None, aside: bool
) -> None:
    """Below the folder of outputs, at the same path, of the suffix asked for; refused only where two would meet."""
    wanted = [name if kind is None else f"{name.removesuffix(suffix_of(name))}.{kind.lstrip('.')}" for name in names]  # type: ignore[arg-type]
    rejects = Path("rejects") if aside else None
    try:
        routes = routed(listing(names), Path("scored"), rejects, kind)
    except WrongUsage:
        assert max(Counter(wanted).values()) > 1
        return
    assert len(set(wanted)) == len(wanted)
    assert [route.output for route in routes] == [Path("scored", name) for name in wanted]
    assert [route.rejects for route in routes] == [Path("rejects", name) if aside else None for name in wanted]
    assert [str(route.input.below) for route in routes] == names


@given(
    st.lists(FILES, unique=True, min_size=1, max_size=6), st.sampled_from([".", "inbox", "inbox/a", "scored"]), KINDS
)
def test_nothing_is_ever_written_over_an_input(names: list[str], out: str, kind: str | None) -> None:
    """Whatever the folders are: neither outputs nor what is beside them."""
    inputs = listing(names)
    try:
        routes = routed(inputs, Path(out), Path(out, "bad"), kind)
    except WrongUsage:
        return
    written = [p for r in routes for p in (r.output, place_beside(r.output), r.rejects) if p is not None]
    real = [os.path.realpath(place) for place in written]
    assert len(set(real)) == len(real)
    assert not set(real) & {os.path.realpath(one.place) for one in inputs.inputs}


@given(st.sets(FILES.filter(lambda name: "*" not in name), max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_folder_lists_what_is_in_it_by_name(names: set[str]) -> None:
    """Each file once, at its path, also by a pattern for all of them."""
    with TemporaryDirectory() as place:
        folder, made = Path(place, "in[box]"), list[str]()
        folder.mkdir()
        for name in sorted(names):
            with suppress(OSError):  # a file has the name of a folder
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).touch()
                made.append(name)
        found = listed(str(folder))
        assert [str(one.below) for one in found.inputs] == made
        assert not found.passed
        if made:
            assert listed(f"{folder}/**") == replace(found, folder=str(folder))


def test_an_address_is_named_without_what_may_be_secret() -> None:
    """User, password and query are needed to read it, and never shown."""
    (one,) = listed("https://me:secret@127.0.0.1/files/in.csv?signature=secret").inputs
    assert (str(one.below), one.name) == ("in.csv", "https://127.0.0.1/files/in.csv")


def test_links_are_followed_once() -> None:
    """A folder that is linked into itself is listed once; a file that is linked is a file."""
    Path("inbox").mkdir()
    Path("a.csv").touch()
    Path("inbox/b.csv").symlink_to(Path("a.csv").absolute())
    Path("inbox/loop").symlink_to(Path("inbox").absolute())
    os.mkfifo("inbox/pipe.csv")
    assert [one.place for one in listed("inbox").inputs] == ["inbox/b.csv"]


def test_a_file_has_settled_when_it_is_old_or_stays_the_same() -> None:
    """Old files first and without waiting; recent ones, and those of the future, are waited for, once."""
    now, waited = [1000.0], list[float]()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    inputs = list[Input]()
    for name, modified in [("fresh", 999.5), ("future", 5000), ("old", 1000 - SETTLE)]:
        Path(name).touch()
        os.utime(name, (modified, modified))
        inputs.append(Input(name, PurePosixPath(name), 0, Path(name).stat().st_mtime_ns))
    settling = Settling(lambda: now[0], sleep)
    assert [inputs[i].place for i in settling.order(inputs)] == ["old", "fresh", "future"]
    assert not settling.grows(inputs[2])
    assert waited == []
    assert not settling.grows(inputs[0])
    Path("future").write_text("more")
    assert settling.grows(inputs[1])
    assert waited == [SETTLE, 0.0]


def test_folders_of_an_object_store(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All objects below an address, or those that match; no name leads out of the folder of outputs."""
    for name in ("inbox/a.csv", "inbox/sub/b.csv", "inbox/sub/c d.jsonl", "inbox/notes.txt.csv.bak.tsv", "other/x.csv"):
        with open_sink(f"{s3}/{name}") as sink:
            sink.write(TABLE)
    found = listed(f"{s3}/inbox/")
    below = ["a.csv", "notes.txt.csv.bak.tsv", "sub/b.csv", "sub/c d.jsonl"]
    assert [str(one.below) for one in found.inputs] == below
    assert [route.output for route in routed(found, Path("scored"))] == [Path("scored", name) for name in below]
    assert [str(one.below) for one in listed(f"{s3}/inbox/**/*.csv").inputs] == ["a.csv", "sub/b.csv"]
    assert [str(one.below) for one in listed(f"{s3}/*/[xy].csv").inputs] == ["other/x.csv"]
    assert open_source(found.inputs[3].place).identity().size == found.inputs[3].size
    assert [str(one.below) for one in listed(f"{s3}/other/x.csv").inputs] == ["x.csv"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="cannot be listed"):
        listed(f"{s3}/inbox/")
