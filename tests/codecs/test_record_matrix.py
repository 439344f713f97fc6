"""Records as the matrix that a model is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.codecs import describe, rebuild
from nbdeploy.codecs.columns import frame_of_records
from nbdeploy.codecs.numpy_tables import record_matrix


@pytest.mark.parametrize("width", [32, 64])
@given(data=st.data())
def test_a_matrix_of_records_is_that_of_their_table(width: int, data: st.DataObject) -> None:
    """To the bit and in the same order, missing values included; other kinds of data need the table."""
    signature = describe(np.array([[1.0, np.nan], [2.0, 3.0]], dtype=f"float{width}"))
    value = st.none() | st.floats(width=32 if width == 32 else 64, allow_nan=False)
    records = data.draw(st.lists(st.tuples(value, value), min_size=1, max_size=5))
    found, expected = record_matrix(records, signature), rebuild(frame_of_records(records, signature), signature)
    assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())
    assert found.flags.c_contiguous
    assert record_matrix(records, describe(np.array([[1, 2]]))) is None
