"""Where events wait."""

from __future__ import annotations

import pickle
from collections.abc import Callable

from nbdeploy.serving.prediction_log import Event, Queue


def test_what_is_too_much_is_dropped_and_counted(make: Callable[..., Event]) -> None:
    """First the rows of what is too large, then whole events; what waits already stays."""
    queue = Queue(most_events=3, most_cells=6)
    for _ in range(5):
        queue.append(make())
    (first, second, third), _ = queue.drain()
    assert first.inputs is not None
    assert (second.inputs, second.answers, third.inputs) == (None, None, None)
    assert queue.dropped == 8
    queue.append(make())
    assert queue.drain()[0][0].inputs is not None


def test_only_a_share_keeps_its_rows(make: Callable[..., Event]) -> None:
    """Of all others it is known that they were."""
    chances = iter([0.1, 0.9, 0.24, 0.25])
    queue = Queue(share=0.25, chance=lambda: next(chances))
    for _ in range(4):
        queue.append(make())
    assert [event.inputs is not None for event in queue.drain()[0]] == [True, False, True, False]
    assert queue.dropped == 0


def test_records_wait_as_bytes_and_come_out_as_they_were(make: Callable[..., Event]) -> None:
    """Also in another process, whose subjects are others; their bytes are bounded as tables are."""

    def single() -> Event:
        return make(id="7", rows=1, inputs=[["Cid", 7]], answers=[["yes"]])

    queue = Queue(most_cells=5)
    for event in (single(), make(inputs=None), single()):
        queue.append(event)
    (other,), records = queue.drain()
    assert other.inputs is None
    assert [*pickle.loads(pickle.dumps(records)).piles()] == [[single(), single()]]
    for _ in range(3):
        queue.append(single())
    assert queue.dropped == 1
    assert queue.drain()[1].rows == 2
