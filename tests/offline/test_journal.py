"""The journal: whatever happens to its file, what it says to be finished is."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.errors import Conflict, NotWritable
from nbdeploy.offline.journal import Entry, Head, Journal

KEY = {"input": {"size": 7}, "digest": "sha256:1"}
PATH = Path(".out.csv.nbdeploy-journal")


def _entries(count: int) -> list[Entry]:
    return [Entry(i, i * 10, 10, [i % 3], bytes(range(i * 7 % 200)), b"r" * i) for i in range(count)]


def _written(entries: Sequence[Entry]) -> None:
    PATH.unlink(missing_ok=True)
    journal = Journal(PATH, "out.csv")
    journal.begin(Head.here(KEY, 10))
    for entry in entries:
        journal.append(entry)
    journal.close(keep=True)


@given(st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_cut_at_any_byte_keeps_its_whole_entries(data: st.DataObject) -> None:
    """Cut anywhere and gone on with, it holds a beginning of the entries, and takes the rest."""
    entries = _entries(data.draw(st.integers(1, 12)))
    _written(entries)
    whole = PATH.read_bytes()
    PATH.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    journal = Journal(PATH, "out.csv")
    kept = sorted(journal.finished)
    assert kept == [*range(len(kept))]
    journal.go_on(Head.here(KEY, 10))
    for entry in entries[len(kept) :]:
        journal.append(entry)
    journal.close(keep=True)
    again = Journal(PATH, "out.csv")
    assert [again.entry(i) for i in range(len(entries))] == entries
    assert again.head is not None
    assert (again.head.key, again.rows) == (KEY, 10 * len(entries))
    again.close(keep=False)


@given(st.integers(0), st.integers(0, 255))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_is_never_believed(place: int, byte: int) -> None:
    """Entries at and after a damaged one are dropped; those before it are as they were."""
    entries = _entries(6)
    _written(entries)
    content = bytearray(PATH.read_bytes())
    content[place % len(content)] = byte
    PATH.write_bytes(content)
    journal = Journal(PATH, "out.csv")
    assert [journal.entry(i) for i in sorted(journal.finished)] == entries[: len(journal.finished)]
    journal.close(keep=False)


def test_two_jobs_on_one_output_refuse_each_other() -> None:
    """The second is told which process is at work; when that is killed, the output is free at once."""
    program = (
        "import sys; from pathlib import Path; from nbdeploy.offline.journal import *\n"
        "journal = Journal(Path(sys.argv[1]), 'out.csv'); journal.begin(Head.here({}, 1))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(PATH)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict, match=rf"process {holder.pid} on .* is writing out\.csv just now"):
            Journal(PATH, "out.csv")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    Journal(PATH, "out.csv").close(keep=True)
    assert not PATH.exists()


def test_a_lock_on_a_journal_that_was_just_deleted_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that finished between our opening and our locking deleted the file: the one at its place is locked."""
    lock = fcntl.flock
    finishing = [PATH.unlink]

    def late(file: IO[bytes], how: int) -> None:
        if finishing:
            finishing.pop()()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    journal = Journal(PATH, "out.csv")
    with pytest.raises(Conflict):
        Journal(PATH, "out.csv")
    journal.close(keep=False)


def test_a_full_disk_leaves_the_entries_before(tmp_path: Path) -> None:
    """What was appended before the disk was full is there, and the refusal names the output."""
    program = f"""
import resource, signal
from pathlib import Path
from nbdeploy.errors import NotWritable
from nbdeploy.offline.journal import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
journal = Journal(Path({str(PATH)!r}), "out.csv")
journal.begin(Head.here({{}}, 10))
try:
    for i in range(100):
        journal.append(Entry(i, 0, 10, [], b"x" * 500))
except NotWritable as error:
    print(error)
journal.close(keep=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "out.csv could not be written: File too large" in done.stdout
    journal = Journal(PATH, "out.csv")
    assert len(journal.finished) == 6
    journal.close(keep=False)


def test_a_place_where_nothing_can_be_written_is_refused() -> None:
    """The refusal comes before any work."""
    Path("file").write_text("")
    with pytest.raises(NotWritable):
        Journal(Path("file", "x"), "file/out.csv")
