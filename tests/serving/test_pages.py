"""What a model says of itself: the OpenAPI document, and the page to try it on."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from nbdeploy.serving.pages.schemas import record_schema
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.snapshot import take_snapshot
from nbdeploy.store import Store
from nbdeploy.types import Column, Signature
from tests import chromium
from tests.serving.conftest import SERVED


@pytest.mark.parametrize("name", SERVED)
def test_the_document_is_openapi_and_its_examples_are_answered(open_place: Any, name: str) -> None:
    """Each form of a request with the rows that stand in it, which are nobody's; all answers are alike."""
    document = open_place.ask("GET", f"/models/{name}/openapi.json", token=None).json()
    OpenAPIV31SpecValidator(document).validate()
    assert document["info"]["title"] == name
    tried = 0
    for path, item in document["paths"].items():
        for media, content in item.get("post", {}).get("requestBody", {}).get("content", {}).items():
            if "example" not in content:
                continue
            example = content["example"]
            body = example if isinstance(example, str) else json.dumps(example)
            headers = {"Content-Type": media, "Accept": "application/json"}
            answer = open_place.ask("POST", path, token=None, data=body.encode(), headers=headers)
            assert answer.status_code == 200, (path, media, answer.text)
            tried += 1
    assert tried == (5 if name != "images" else 4)


def test_examples_are_drawn_and_not_the_user_s(open_place: Any, churn: pd.DataFrame) -> None:
    """None of the numbers that the model was made with."""
    document = open_place.ask("GET", "/models/churn/openapi.json", token=None).json()
    rows = document["paths"]["/models/churn/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert len(rows) == 3
    assert not {row["age"] for row in rows} & {*churn.age}


def test_of_private_columns_no_value_is_shown(place: Any, tmp_path: Any) -> None:
    """Neither range nor categories nor examples; in page and document alike."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from sklearn.tree import DecisionTreeClassifier

    frame = pd.DataFrame(
        {
            "illness": pd.Categorical(["measles", "mumps"] * 20),
            "income": np.arange(40) * 1000.0 + 123.0,
            "street": pd.Categorical(["elm", "oak"] * 20),
        }
    )
    model = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier()).fit(frame, [0, 1] * 20)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    take_snapshot(store, model, "private", frame, Options(sample="none", private=["illness", "income"]))
    place.target.push(store, store.resolve("private:1"))
    document = place.ask("GET", "/models/private/openapi.json")
    page = place.ask("GET", "/models/private/docs")
    for text in (document.text, page.text):
        assert not re.search("measles|mumps|123|39000|40000", text)
        assert "elm" in text
    row = document.json()["components"]["schemas"]["Row"]["properties"]
    assert "enum" not in row["illness"]
    assert "minimum" not in row["income"]
    assert document.json()["x-nbdeploy"]["private"] == ["illness", "income"]


def test_who_may_not_read_gets_a_page_that_tells_nothing(shared: Any) -> None:
    """A browser is asked for a token; a program is refused as everywhere; names of models are not told apart."""
    browser = {"Accept": "text/html,application/xhtml+xml"}
    pages = [shared.ask("GET", f"/models/{m}/docs", token=None, headers=browser) for m in ("churn", "nobody")]
    assert [page.status_code for page in pages] == [401, 401]
    assert pages[0].text == pages[1].text
    assert "balance" not in pages[0].text
    assert shared.ask("GET", "/models/churn/docs", token=None).status_code == 401
    assert shared.ask("GET", "/models/churn/openapi.json", token=None).status_code == 401
    assert "balance" in shared.ask("GET", "/models/churn/docs", headers=browser).text
    assert shared.ask("GET", "/models/nobody/docs", headers=browser).status_code == 404


def test_the_page_needs_nothing_from_elsewhere(open_place: Any) -> None:
    """No address but its own, and a policy under which nothing else would run."""
    page = open_place.ask("GET", "/models/plans/docs", token=None)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", page.text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.running() as opened:
        yield opened


@pytest.mark.browser
def test_a_model_is_tried_in_a_browser(browser: Any, open_place: Any, shared: Any) -> None:
    """With a token where one is needed, which stays in the page; errors are shown; the console stays empty."""
    page = browser.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{open_place.url}/models/churn/docs")
    page.get_by_label("Method").select_option("predict_proba")
    page.get_by_role("button", name="Predict").click()
    page.get_by_role("columnheader", name="probability_yes").wait_for()
    assert "method=predict_proba" in page.locator("pre").first.inner_text()
    assert told == []
    page.get_by_label("Rows as JSON").fill('[{"age": "old", "balance": 1}]')
    page.get_by_role("button", name="Predict").click()
    assert "row 0, column 'age'" in page.get_by_role("alert").inner_text()

    page.goto(f"{shared.url}/models/churn/docs")
    page.get_by_label("Token").fill(shared.connection.token)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Predict").click()
    page.get_by_role("columnheader", name="prediction").wait_for()
    assert "$TOKEN" in page.locator("pre").first.inner_text()
    assert shared.connection.token not in page.content()
    assert all(url.startswith((open_place.url, shared.url, "data:")) for url in asked)
    assert not any(shared.connection.token in url for url in asked)


def test_a_schema_says_what_a_column_takes() -> None:
    """Types, ranges, categories, lists, what may be missing or left out."""
    signature = Signature(
        "pandas",
        [
            Column("n", "uint8", "uint8", nullable=True),
            Column("plan", "categorical", "category", categories=["a", "b"], nullable=True),
            Column("at", "datetime", "datetime64[ns, UTC]", unit="ns", timezone="UTC"),
            Column("v", "list", "object", items="float32", shape=[2, None], gaps=True),
            Column("late", "float64", "float64", required=False, default=1.5, low=0, high=2),
        ],
        unknown="reject",
    )
    schema = record_schema(signature)
    found = schema["properties"]
    assert schema["required"] == ["n", "plan", "at", "v"]
    assert schema["additionalProperties"] is False
    assert found["n"]["type"] == ["integer", "null"]
    assert found["plan"]["enum"] == ["a", "b", None]
    assert re.search(found["at"]["pattern"], "2026-01-31T12:00:00.5Z")
    assert not re.search(found["at"]["pattern"], "2026-01-31T12:00:00")
    assert (found["v"]["minItems"], found["v"]["items"]["items"]["type"]) == (2, ["number", "null"])
    assert found["late"]["description"] == "From 0 to 2 in training. 1.5 if it is left out."


def test_every_format_that_is_told_of_is_understood(open_place: Any) -> None:
    """The media types of the document, each way."""
    content = open_place.ask("GET", "/models/plans/openapi.json", token=None).json()["paths"]["/models/plans/predict"]
    for media in content["post"]["responses"]["200"]["content"]:
        sample = open_place.ask("GET", "/models/plans/sample", token=None, headers={"Accept": media}).content
        headers = {"Content-Type": media, "Accept": "application/vnd.apache.parquet"}
        answer = open_place.ask("POST", "/models/plans/predict", token=None, data=sample, headers=headers)
        assert pl.read_parquet(io.BytesIO(answer.content)).height == 40
