"""Where events wait."""

from __future__ import annotations

from collections.abc import Callable

from nbdeploy.serving.prediction_log import Event, Queue


def test_what_is_too_much_is_dropped_and_counted(make: Callable[..., Event]) -> None:
    """First the rows of what is too large, then whole events; what waits already stays."""
    queue = Queue(most_events=3, most_cells=6)
    for _ in range(5):
        queue.append(make())
    first, second, third = queue.drain()
    assert first.inputs is not None
    assert (second.inputs, second.answers, third.inputs) == (None, None, None)
    assert queue.dropped == 8
    queue.append(make())
    assert queue.drain()[0].inputs is not None


def test_only_a_share_keeps_its_rows(make: Callable[..., Event]) -> None:
    """Of all others it is known that they were."""
    chances = iter([0.1, 0.9, 0.24, 0.25])
    queue = Queue(share=0.25, chance=lambda: next(chances))
    for _ in range(4):
        queue.append(make())
    assert [event.inputs is not None for event in queue.drain()] == [True, False, True, False]
    assert queue.dropped == 0
