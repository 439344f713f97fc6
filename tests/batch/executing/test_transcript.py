"""The log of a run, line by line."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch.executing.transcript import Transcript


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def logged(*said: tuple[str, str], **limits: int) -> str:
    file = io.StringIO()
    transcript = Transcript(file, **limits)
    for stream, text in said:
        transcript.say(stream, text)
    transcript.finish()
    return file.getvalue()


@given(st.lists(st.text(alphabet="ab\n", max_size=9), max_size=20))
def test_text_is_kept_however_it_is_cut(pieces: list[str]) -> None:
    """Whatever the pieces in which it came, the log is the text, with its last line ended."""
    text = "".join(pieces)
    whole = text if text.endswith("\n") or not text else f"{text}\n"
    assert logged(*(("stdout", piece) for piece in pieces)) == whole


def test_a_progress_bar_is_its_last_state() -> None:
    """What was drawn over is not logged, whether a bar begins or ends with its carriage return."""
    bars = [("stderr", f"\r{n:3}%|") for n in range(0, 101, 10)]
    assert logged(*bars, ("stdout", "ok\n"), ("stderr", "\n")) == "ok\n100%|\n"
    assert logged(("stderr", "10%\r"), ("stderr", "20%\r\n"), ("stderr", "a\r\nb")) == "20%\na\nb\n"


def test_lines_of_two_streams_stay_apart() -> None:
    """A line that is written in parts is ended before the other stream's."""
    file, clock = io.StringIO(), Clock()
    transcript = Transcript(file, clock=clock)
    transcript.say("stdout", "loading … ")
    transcript.look()
    assert file.getvalue() == ""
    clock.now = 3
    transcript.look()
    assert file.getvalue() == "loading … "
    transcript.say("stderr", "careful\n")
    transcript.say("stdout", "done\n")
    transcript.heading("cell 2")
    assert file.getvalue() == "loading … \ncareful\ndone\n— cell 2\n"


def test_a_long_bar_is_seen_now_and_then() -> None:
    """A bar that is drawn for hours has a line every half minute."""
    file, clock = io.StringIO(), Clock()
    transcript = Transcript(file, clock=clock)
    for second in range(0, 100, 5):
        clock.now = second
        transcript.say("stderr", f"\r{second} of 100")
        transcript.look()
    assert file.getvalue() == "30 of 100\n65 of 100\n"


def test_too_much_is_cut_in_the_middle_and_counted_for_each_cell() -> None:
    """The beginning and the end stay; the next cell has all its room again."""
    said = [("stdout", f"{number:04}\n") for number in range(5000)]
    assert logged(*said, head=15, tail=10) == "0000\n0001\n0002\n… 24 KiB left out …\n4998\n4999\n"
    file = io.StringIO()
    transcript = Transcript(file, head=6, tail=2)
    transcript.say("stdout", "123456789\n")
    transcript.heading("next")
    transcript.say("stdout", "12345\n")
    transcript.finish()
    assert file.getvalue() == "123456\n… 2 bytes left out …\n9\n— next\n12345\n"
