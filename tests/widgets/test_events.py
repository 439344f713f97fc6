"""Progress as JSON: one event a line, not too many, never without the last."""

from __future__ import annotations

import io
import json

from nbdeploy.types import Progress
from nbdeploy.widgets import json_progress


def test_first_and_last_are_told_and_the_rest_now_and_then() -> None:
    """A hundred steps in a second are a few events; rate and time left go by what was measured."""
    stream, now = io.StringIO(), [0.0]
    with json_progress(stream, clock=lambda: now[0]) as report:
        for step in range(101):
            now[0] = step / 100
            report(Progress(step * 10, 1000, "rows", "predicting"))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["done"] for event in events][::5] == [0, 1000]
    assert len(events) == 6
    assert events[1] | {"seconds_left": 0.8, "per_second": 1000.0} == events[1]


def test_where_the_total_is_not_known_the_share_tells_the_time_left() -> None:
    """As of a large file, whose bytes are known and whose rows are not counted."""
    stream, now = io.StringIO(), [0.0]
    with json_progress(stream, clock=lambda: now[0]) as report:
        for share in (0.0, 0.25):
            now[0] += 1.0
            report(Progress(int(share * 4000), None, "rows", facts={"share": share}))
    last = json.loads(stream.getvalue().splitlines()[-1])
    assert (last["total"], last["share"], last["seconds_left"]) == (None, 0.25, 3.0)
