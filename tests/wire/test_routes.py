"""Routes are filled in so that no value reaches another one."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.wire import routes


@given(st.text())
def test_a_value_stays_in_its_segment(name: str) -> None:
    """Slashes, question marks and the like are escaped."""
    path = routes.path(routes.PREDICT, m=name)
    _, models, segment, predict = path.split("/")
    assert (models, unquote(segment), predict) == ("models", name, "predict")
    assert "?" not in path
    assert "#" not in path
