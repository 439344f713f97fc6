"""Exactly once: whatever the chunks, the workers and the moment of death, the same bytes; and never twice."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.errors import Conflict, InvalidData, WrongUsage
from nbdeploy.offline import Options, Predictions, predict_file
from nbdeploy.offline.engines import ENGINES
from nbdeploy.offline.journal import Journal, place_of
from nbdeploy.offline.work import Done, Work
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Span
from nbdeploy.types import Progress
from tests.models import NUMBERS, penguins
from tests.offline.killing import Jobs

METHODS = ("predict", "predict_proba")


@pytest.fixture
def birds(stock: Path) -> pd.DataFrame:
    """Rows with an id, three of them bad, as ``in.csv``."""
    frame = penguins()[0][NUMBERS].fillna(0.0).astype(object)
    frame.insert(0, "ring", [f"{i:05d}" for i in range(len(frame))])
    frame.loc[[7, 200, 201], "body_mass_g"] = ["heavy", "", "fat"]
    frame.to_csv("in.csv", index=False)
    return frame


class _Shuffled:
    """Does a few spans at a time, and gives them back in another order."""

    def __init__(self, workers: int) -> None:
        self._few = workers

    def run(self, work: Work, predictor: Predictor, spans: Iterator[Span]) -> Generator[Done, None, None]:
        order = random.Random(self._few)
        while few := [span for _, span in zip(range(self._few), spans, strict=False)]:
            order.shuffle(few)
            for span in few:
                yield work.answer(predictor, span, work.read(span))


@pytest.fixture
def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine from outside, which finishes spans out of order."""
    monkeypatch.setattr(ENGINES, "_known", {**ENGINES._known, "shuffled": f"{__name__}:_Shuffled"})
    monkeypatch.setitem(sys.modules, __name__, sys.modules[_Shuffled.__module__])


def _options(**more: Any) -> Options:
    return Options(METHODS, rejects="bad.csv", **more)


def _stopping(after: int) -> Callable[[Progress], None]:
    """A progress report at whose n-th step the user interrupts."""
    steps = iter(range(after))

    def report(_: Progress) -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt

    return report


@given(st.data())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_chunks_any_order_and_any_kill_point_give_the_same_bytes(
    birds: pd.DataFrame, shuffled: None, data: st.DataObject
) -> None:
    """Interrupted anywhere, its journal cut at any byte, and gone on with: output and rejects are the same bytes."""
    predictor = nd.load("lr")
    predict_file(predictor, "lr:1", "in.csv", "whole.csv", _options())
    rejected = Path("bad.csv").read_bytes()
    for name in ("out.csv", "out.csv.nbdeploy.json", "bad.csv"):
        Path(name).unlink(missing_ok=True)
    chunk, workers = data.draw(st.integers(1, 120)), data.draw(st.integers(1, 7))
    first = _options(chunk=chunk, workers=workers, engine="shuffled")
    with contextlib.suppress(KeyboardInterrupt):
        predict_file(predictor, "lr:1", "in.csv", "out.csv", first, _stopping(data.draw(st.integers(0, 20))))
    journal = place_of(Path("out.csv"))
    if journal.exists():
        assert not Path("out.csv").exists()
        content = journal.read_bytes()
        journal.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    again = _options(chunk=data.draw(st.integers(1, 120)), resume=True)
    predict_file(predictor, "lr:1", "in.csv", "out.csv", again)
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert Path("bad.csv").read_bytes() == rejected
    assert not journal.exists()


def test_finished_spans_are_not_predicted_again(birds: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed job goes on with the chunks that it began with, and asks the model for the rest only."""
    with pytest.raises(KeyboardInterrupt, match=r"stopped after \d+ rows; out.csv is not written: .*--resume"):
        nd.predict("lr", "in.csv", "out.csv", chunk=50, rejects="bad.csv", progress=_stopping(3))
    journal = Journal(place_of(Path("out.csv")), "out.csv")
    finished = journal.rows
    journal.close(keep=True)
    assert 150 <= finished < len(birds)
    asked = list[int]()
    outputs = Predictor.outputs
    monkeypatch.setattr(Predictor, "outputs", lambda self, wire, m: asked.append(wire.height) or outputs(self, wire, m))
    nd.predict("lr", "in.csv", "out.csv", chunk=7, rejects="bad.csv", resume=True)
    assert max(asked) <= 50
    assert sum(asked) == len(birds) - finished - sum(row >= finished for row in (7, 200, 201))


def test_worker_processes_write_the_same_bytes(birds: pd.DataFrame) -> None:
    """Two processes, forked from one that has loaded the model; also for a model that carries the notebook's code."""
    penguins()[0].assign(ring=[f"{i:05d}" for i in range(344)]).to_csv("all.csv", index=False)
    for name, source in (("lr", "in.csv"), ("species", "all.csv")):
        alone = nd.predict(name, source, "alone.csv", methods=METHODS, rejects="bad.csv")
        both = nd.predict(name, source, "both.csv", methods=METHODS, rejects="bad2.csv", chunk=40, workers=2)
        assert Path("both.csv").read_bytes() == Path("alone.csv").read_bytes()
        assert Path("bad2.csv").read_bytes() == Path("bad.csv").read_bytes()
        assert both.rejected == alone.rejected
    with pytest.raises(InvalidData, match=r"in.csv, line 9, column 'body_mass_g': 'heavy' is not a float64"):
        nd.predict("lr", "in.csv", "both.csv", workers=2)


def test_a_killed_worker_is_replaced(birds: pd.DataFrame) -> None:
    """SIGKILL of one process in the middle: its rows are done by another, and the bytes are the same."""
    nd.predict("lr", "in.csv", "alone.csv", rejects="bad.csv")
    killed = list[int]()

    def kill(_: Progress) -> None:
        workers = [worker for zygote in psutil.Process().children() for worker in zygote.children()]
        if workers and not killed:
            workers[0].kill()
            killed.append(workers[0].pid)

    done = nd.predict("lr", "in.csv", "both.csv", rejects="bad2.csv", chunk=5, workers=2, progress=kill)
    assert len(killed) == 1
    assert (done.rows, done.rejected) == (341, 3)
    assert Path("both.csv").read_bytes() == Path("alone.csv").read_bytes()
    assert Path("bad2.csv").read_bytes() == Path("bad.csv").read_bytes()


def test_a_finished_job_does_nothing_until_something_changes(birds: pd.DataFrame) -> None:
    """Run again it says so; another input, option or output, and it runs; the same input written again is the same."""

    def ran(**options: Any) -> bool:
        done = nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv", **options)
        assert (done.rows, done.rejected) == (len(pd.read_csv("out.csv")), 3)
        assert ("nothing to do" in done.line) == done.done_before
        return not done.done_before

    assert ran()
    assert not ran()
    assert not ran(resume=True, chunk=9)
    Path("in.csv").write_bytes(Path("in.csv").read_bytes())
    assert not ran()
    assert ran(methods="predict_proba")
    with Path("in.csv").open("a") as file:
        file.write("99999,1,2,3,4\n")
    assert ran(methods="predict_proba")
    assert not ran(methods="predict_proba")
    Path("out.csv").write_text("ring\n")
    assert ran(methods="predict_proba")
    Path("bad.csv").unlink()
    assert ran(methods="predict_proba")


def test_an_unfinished_job_starts_over_where_it_may_not_go_on(birds: pd.DataFrame) -> None:
    """Without ``resume``, or when the input changed, it begins anew, and says so."""
    for resume, why in [(False, "--resume would have gone on with it"), (True, "its input changed")]:
        with pytest.raises(KeyboardInterrupt):
            nd.predict("lr", "in.csv", "out.csv", chunk=50, rejects="bad.csv", progress=_stopping(2))
        if resume:
            Path("in.csv").write_text(Path("in.csv").read_text().replace("00000,", "99999,"))
        done = nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv", resume=resume)
        assert len(done.notices) == 1
        assert why in done.notices[0]
        assert Path("out.csv").read_text().startswith("ring,prediction\n99999" if resume else "ring,prediction\n00000")
        Path("out.csv").unlink()


def test_two_jobs_on_one_output_refuse_each_other(birds: pd.DataFrame) -> None:
    """The second is told who is at work, by whatever path it names the output; its own rejects stay too."""
    Path("link.csv").symlink_to("out.csv")
    journal = Journal(place_of(Path("out.csv")), "out.csv")
    for out in ("out.csv", "link.csv"):
        with pytest.raises(Conflict, match=r"is writing .* just now"):
            nd.predict("lr", "in.csv", out, rejects="bad.csv")
    journal.close(keep=False)
    journal = Journal(place_of(Path("bad.csv")), "bad.csv")
    with pytest.raises(Conflict, match=r"is writing bad.csv just now"):
        nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv")
    journal.close(keep=False)
    assert sorted(p.name for p in Path().iterdir()) == ["in.csv", "link.csv"]


def test_what_cannot_be_resumed_says_so(birds: pd.DataFrame) -> None:
    """A table in memory and standard input are not there again after a kill."""
    for source, out in ((birds, None), ("in.csv", None), ("in.csv", "-"), ("-", "out.csv")):
        with pytest.raises(WrongUsage, match="--resume is not possible"):
            nd.predict("lr", source, out, resume=True)


def test_a_journal_of_answers_is_small(birds: pd.DataFrame) -> None:
    """Kept columns are read again from the input, so that they are not in it."""
    pd.concat([birds.drop([7, 200, 201]).assign(blob="x" * 1000)] * 3).to_csv("wide.csv", index=False)
    with pytest.raises(KeyboardInterrupt):
        nd.predict("lr", "wide.csv", "out.csv", chunk=200, progress=_stopping(3))
    assert place_of(Path("out.csv")).stat().st_size < 20_000
    nd.predict("lr", "wide.csv", "out.csv", resume=True)
    nd.predict("lr", "wide.csv", "whole.csv")
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def _killed(jobs: Jobs, rng: random.Random, job: dict[str, Any]) -> bool:
    """Run the job and kill it when its journal has grown to some size; whether it was still running."""
    journal = place_of(Path("out.csv"))
    begun = journal.stat().st_size if journal.exists() else 0
    wanted = begun + rng.randrange(1, 60_000)
    return jobs.run_until(lambda: journal.exists() and journal.stat().st_size >= wanted, **job) is None


def _survives(jobs: Jobs, birds: pd.DataFrame, kills: int, seed: int, **how: int) -> None:
    pd.concat([birds] * 60).to_csv("many.csv", index=False)
    whole = nd.predict("forest", "many.csv", "whole.csv", methods="predict_proba", rejects="whole_bad.csv")
    same = {"ref": "forest", "source": "many.csv", "out": "out.csv", "methods": "predict_proba", "rejects": "bad.csv"}
    job = {**same, "resume": True, **how}
    rng = random.Random(seed)
    assert sum(_killed(jobs, rng, job) for _ in range(kills))
    assert jobs.run(**job) == whole.rows
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert Path("bad.csv").read_bytes() == Path("whole_bad.csv").read_bytes()
    left = {p.name for p in Path().iterdir()} - {p.name for p in Path().glob("[!.]*")}
    assert not left, "neither journals nor part files of killed processes stay"
    assert nd.check_predictions("out.csv").ok


def test_a_killed_process_goes_on(jobs: Jobs, birds: pd.DataFrame) -> None:
    """SIGKILL at random moments, as often as it takes: in the end the bytes of a job that nobody killed."""
    _survives(jobs, birds, 2, 7, chunk=97)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_process_that_is_killed_again_and_again_goes_on(jobs: Jobs, birds: pd.DataFrame, workers: int) -> None:
    """As above, for long: ``pytest tests/offline/test_job.py -m slow``."""
    _survives(jobs, birds, 15, workers, chunk=61, workers=workers)


def test_the_result_says_what_was_done(birds: pd.DataFrame) -> None:
    """A head of the table, predictions beside training, and rejects by reason."""
    done: Predictions = nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv")
    text = done.card().text()
    for part in ("first rows", "00000", "in training", "▇", "'heavy' is not a float64", "344"[:1]):
        assert part in text
    assert "341 rows predicted by lr:1" in done.line
    assert "3 rows rejected (body_mass_g: 'heavy' is not a float64), see bad.csv" in done.line
    assert done.document()["rejected"] == 3
    assert "<svg" in done.card().html()
