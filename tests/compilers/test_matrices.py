"""A matrix is read as the table of it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.codecs.numpy_tables import matrix_frame
from nbdeploy.compilers import Twin
from nbdeploy.compilers.twin import Matrix, Rows


@settings(deadline=None)
@given(
    kind=st.sampled_from(["float32", "float64"]),
    rows=st.lists(st.tuples(*[st.floats(width=32, allow_nan=False)] * 3), min_size=1, max_size=5),
    positions=st.one_of(st.none(), st.lists(st.integers(0, 2), max_size=4)),
    dtype=st.sampled_from(["float32", "float64"]),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_and_values_are_those_of_the_table(kind: str, rows: Any, positions: Any, dtype: str) -> None:
    """The same bits, in an array of one's own."""
    values = np.array(rows, dtype=kind)
    values.flags.writeable = False
    matrix, table = Matrix(values), Rows(matrix_frame(values, ["a", "b", "c"]))
    found, expected = matrix.numbers(positions, dtype), table.numbers(positions, dtype)
    assert (found.dtype, found.shape, found.flags.c_contiguous) == (expected.dtype, expected.shape, True)
    assert found.tobytes() == expected.tobytes()
    assert found.flags.writeable
    known = {values[0, 1].item(): 7}
    assert matrix.codes(1, known, 9).tolist() == table.codes(1, known, 9).tolist()
    assert matrix.column(2) == table.column(2)
    assert matrix.lead == table.lead


def test_a_long_matrix_is_answered_in_pieces() -> None:
    """As a long table is."""
    heights = list[int]()

    def method(rows: Any) -> Any:
        heights.append(rows.lead[0])
        return rows.numbers([0], float)[:, 0], None

    values = np.arange(1000.0).reshape(1000, 1)
    answer, doubt = Twin({"predict": method}, {"predict": True}, cells=2**22).many("predict", values)
    assert (answer.tolist(), doubt, len(heights) > 1) == (values[:, 0].tolist(), None, True)
