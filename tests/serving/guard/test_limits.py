"""Rates and room: what is let in, what is sent away, and for how long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.errors import Busy
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.room import Room
from nbdeploy.serving.tokens import Scope

CRM = Caller("crm", [Scope.PREDICT])


def admitted(rates: Rates, caller: Caller = CRM) -> bool:
    try:
        rates.count(caller)
    except Busy:
        return False
    return True


@given(
    rate=st.integers(1, 50),
    steps=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=60),
    patient=st.booleans(),
)
def test_in_any_time_no_more_pass_than_a_burst_and_the_rate(rate: int, steps: list[float], patient: bool) -> None:
    """And one who waits as long as was said is let in."""
    now, passed = [1000.0], []
    with TemporaryDirectory() as folder:
        rates = Rates(Path(folder, "rates"), Pace.parse(f"{rate}/s"), lambda: now[0])
        for step in steps:
            now[0] += step
            try:
                rates.count(CRM)
            except Busy as busy:
                if not patient:
                    continue
                now[0] += busy.seconds
                rates.count(CRM)
            passed.append(now[0])
    for i, begin in enumerate(passed):
        for j, end in enumerate(passed[i:], 1):
            assert j <= rate + (end - begin) * rate + 1e-6


def test_a_token_s_own_rate_comes_first_and_others_are_not_touched(tmp_path: Path) -> None:
    """Each token has its own count."""
    rates = Rates(tmp_path / "rates", Pace.parse("2/s"), lambda: 5.0)
    fast = Caller("fast", [Scope.PREDICT], pace=Pace.parse("4/s"))
    assert [admitted(rates) for _ in range(3)] == [True, True, False]
    assert [admitted(rates, fast) for _ in range(5)] == [True, True, True, True, False]
    assert admitted(Rates(tmp_path / "other"))


def test_a_clock_that_began_anew_locks_nobody_out(tmp_path: Path) -> None:
    """The file may be older than the machine's last start."""
    now = [1e6]
    rates = Rates(tmp_path / "rates", Pace.parse("1/s"), lambda: now[0])
    assert admitted(rates)
    now[0] = 3.0
    assert not admitted(rates)
    now[0] += 1.0
    assert admitted(rates)


WORKER = """
import sys
from pathlib import Path
from nbdeploy.errors import Busy
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.tokens import Scope
rates = Rates(Path(sys.argv[1]), Pace.parse("500/h"), lambda: 5.0)
rates._pace = Pace(rates._pace.interval, 500.0)
passed = 0
for _ in range(2000):
    try:
        rates.count(Caller("crm", [Scope.PREDICT]))
        passed += 1
    except Busy:
        pass
print(passed)
"""


def test_workers_count_together(tmp_path: Path) -> None:
    """Not one more and not one less than the burst, whoever was asked."""
    command = [sys.executable, "-c", WORKER, str(tmp_path / "rates")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    passed = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(passed) == 500


def test_room_is_given_back(tmp_path: Path) -> None:
    """One large body alone is let in; together with another it is not."""
    room = Room(2, 100)
    room.enter()
    room.take(500)
    room.enter()
    with pytest.raises(Busy, match="500 bytes"):
        room.take(1)
    with pytest.raises(Busy, match="2 requests"):
        room.enter()
    room.leave(500)
    room.take(60)
    room.leave(60)
    assert (room.requests, room.bytes) == (0, 0)


@pytest.mark.parametrize("text", ["100", "100/d", "-1/s", "0/s", "1e9/s", "", "/s"])
def test_a_rate_that_is_not_understood_is_refused(text: str) -> None:
    """With how to write it."""
    from nbdeploy.errors import InvalidData

    with pytest.raises(InvalidData, match="100/s"):
        Pace.parse(text)


@pytest.fixture(scope="module")
def limited(snapshots: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An endpoint with small limits that serves `churn`."""
    from tests.serving.conftest import run_endpoint

    small = {"row_limit": 3, "concurrency": 2, "pending_limit": 100_000, "timeout": 1.5, "patience": 0.4}
    with run_endpoint(tmp_path_factory.mktemp("limited") / "endpoint", **small) as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        yield place
