from __future__ import annotations

from datetime import timedelta

import pytest

from nbdeploy.commands import Door, invoke
from nbdeploy.commands.kinds import DATA, DURATION, OBJECT, REF, SAMPLE, SIZE, TARGET, Written, is_file
from nbdeploy.errors import InvalidName, WrongUsage
from nbdeploy.types import Ref


@pytest.mark.parametrize("word", ["a/b", "./x", "rows.csv", "ROWS.CSV.GZ", "x.jsonl.zst", "inbox/*.parquet", "~/x"])
def test_words_that_name_files(word: str) -> None:
    """A slash or a known data suffix makes a file."""
    assert is_file(word)


@pytest.mark.parametrize("word", ["df", "df[features]", "df['a/b']", "f(x / y)", "df.head(3)", "m.csvs", "d[f[a/b]]"])
def test_words_that_are_expressions(word: str) -> None:
    """A slash inside brackets or quotes belongs to the expression."""
    assert not is_file(word)


def test_data_in_a_shell_is_a_file() -> None:
    """A shell has no objects, so that any word is a path."""
    assert DATA.convert("rows", None, None) == "rows"


def test_an_expression_in_a_shell_is_refused() -> None:
    """The message says why."""
    with pytest.raises(WrongUsage, match="a shell has no live objects"):
        OBJECT.convert("model", None, None)


@pytest.mark.parametrize(("word", "meant"), [("20", 20), ("0", 0), ("none", "none"), ("synthetic", "synthetic")])
def test_a_sample_is_a_number_or_a_word(word: str, meant: object) -> None:
    """Anything else is an expression for rows."""
    assert SAMPLE.convert(word, None, None) == meant
    with pytest.raises(WrongUsage, match="would be a Python expression"):
        SAMPLE.convert(f"rows.head({word})", None, None)


def test_snapshot_in_a_shell_says_where_to_go() -> None:
    """It needs the live model, whatever else is on the line."""
    with pytest.raises(WrongUsage, match="%deploy snapshot MODEL NAME"):
        invoke(["snapshot", "model"], Door(), "nbdeploy")


def test_references_are_checked_and_versions_know_theirs() -> None:
    """Text is checked at once; an object with a version stands for it."""

    class Snapshot:
        ref = "churn:3"

    assert REF.convert("models:/churn@champion", None, None) == "models:/churn@champion"
    assert REF.convert(Snapshot(), None, None) == "churn:3"
    assert REF.convert(Ref("churn", version=3), None, None) == "churn:3"
    with pytest.raises(InvalidName):
        REF.convert("../churn", None, None)


def test_targets_follow_the_naming_rule() -> None:
    """A target's name is refused before anything is asked of it."""
    with pytest.raises(InvalidName, match="target"):
        TARGET.convert("No Such", None, None)


def test_written_text_is_text() -> None:
    """What was written can be told from what was handed over, and is text all the same."""
    assert Written("5") == "5"


@pytest.mark.parametrize(
    ("word", "seconds"), [("0", 0), ("90s", 90), ("30m", 1800), ("1.5 h", 5400), ("24h", 86400), ("7d", 604800)]
)
def test_time_spans_have_units(word: str, seconds: float) -> None:
    """Seconds to days; an object stays as it is."""
    assert DURATION.convert(word, None, None) == timedelta(seconds=seconds)
    assert DURATION.convert(timedelta(seconds=seconds), None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("word", ["", "5", "-1h", "1w", "h", "1h30m", "nan", "9999999d"])
def test_what_is_no_time_span_is_refused(word: str) -> None:
    """A number alone could mean anything."""
    with pytest.raises(WrongUsage, match="write it as 90s, 30m, 24h or 7d"):
        DURATION.convert(word, None, None)


@pytest.mark.parametrize(
    ("text", "size"), [("64MiB", 64 * 2**20), ("1.5KB", 1500), ("2G", 2 * 10**9), ("100", 100), ("7B", 7)]
)
def test_sizes_are_written_with_units(text: str, size: int) -> None:
    """Powers of 1024 with an i."""
    assert SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1TB", "ten"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """With how to write it."""
    with pytest.raises(WrongUsage, match="64MiB"):
        SIZE.convert(text, None, None)
