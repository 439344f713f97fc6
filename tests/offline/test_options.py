"""What an output holds: one item or many, each once, and renames that cannot go wrong unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nbdeploy as nd
from nbdeploy.errors import InvalidData, NotFound
from tests.models import NUMBERS, penguins


@pytest.fixture
def birds(stock: Path) -> pd.DataFrame:
    """Rows with an id, in memory and as ``in.csv``; a snapshot ``lr`` that does not read it."""
    frame = penguins()[0][NUMBERS].fillna(0.0).assign(small=1)
    frame.to_csv("in.csv", index=False)
    return frame


@pytest.mark.parametrize("methods", ["predict", ["predict", "predict"]])
@pytest.mark.parametrize("keep", ["small", ["small", "small"]])
def test_one_item_may_be_given_plainly_and_twice_is_once(birds: pd.DataFrame, methods: Any, keep: Any) -> None:
    """Text is one name, not its letters; ``small`` does not mean ``all``."""
    for source in (birds, "in.csv"):
        assert list(nd.predict("lr", source, methods=methods, keep=keep).columns) == ["small", "prediction"]
    assert list(nd.load("lr").table(birds, methods).columns) == ["prediction"]


def test_a_rename_must_name_a_column_and_a_free_name(birds: pd.DataFrame) -> None:
    """An unknown old name and a new one that is taken are refused, from files as from memory."""
    for source in (birds, pl.from_pandas(birds), pa.Table.from_pandas(birds), "in.csv"):
        with pytest.raises(NotFound, match="no column 'smal'; did you mean small"):
            nd.predict("lr", source, rename={"smal": "id"})
        with pytest.raises(InvalidData, match="--rename body_mass_g=small would give two columns the name"):
            nd.predict("lr", source, rename={"small": "body_mass_g"})


def test_a_renamed_table_stays_of_its_library(birds: pd.DataFrame) -> None:
    """Renaming answers pandas with pandas, Polars with Polars, Arrow with Arrow."""
    tables = (birds, pl.from_pandas(birds), pa.Table.from_pandas(birds, preserve_index=False))
    for table in tables:
        answer = nd.predict("lr", table, rename={"small": "id"})
        assert type(answer) is type(table)
        assert list(getattr(answer, "column_names", answer.columns)) == ["id", "prediction"]


def test_a_lazy_frame_is_a_table(birds: pd.DataFrame) -> None:
    """A Polars query is run, and answered by Polars, in memory and into a file."""
    eager = pl.from_pandas(birds)
    assert nd.predict("lr", eager.lazy()).equals(nd.predict("lr", eager))
    assert nd.predict("lr", eager.lazy(), "out.parquet").rows == len(birds)


def test_a_table_of_ten_thousand_columns(birds: pd.DataFrame) -> None:
    """In any order, some of them kept and renamed, or all; its card names a few."""
    rows = birds[reversed(birds.columns)].head(20)
    more = pd.DataFrame(0.5, rows.index, [f"c{i}" for i in range(10_000 - rows.shape[1])])
    pd.concat([more, rows], axis=1).to_csv("wide.csv", index=False)
    labels = nd.predict("lr", birds)["prediction"].tolist()[:20]
    done = nd.predict("lr", "wide.csv", "some.csv", keep=["small", "seven"], rename={"c7": "seven"}, rejects="bad.csv")
    table = pl.read_csv("some.csv")
    assert (done.columns, table.columns) == (("small", "seven", "prediction"), ["small", "seven", "prediction"])
    assert (table["prediction"].to_list(), set(table["seven"])) == (labels, {0.5})
    done = nd.predict("lr", "wide.csv", "all.parquet")
    assert pl.read_parquet("all.parquet", columns=["prediction"])["prediction"].to_list() == labels
    assert len(done.columns) == 10_000 - len(NUMBERS) + 1
    assert "and 9,985 more" in done.card().text()
    assert len(done.card().html()) < 20_000


def test_a_file_name_is_no_pattern(birds: pd.DataFrame) -> None:
    """Brackets in a name are brackets."""
    Path("in.csv").rename("data[1].csv")
    assert len(nd.predict("lr", "data[1].csv")) == len(birds)
