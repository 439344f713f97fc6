"""Lines of the log: each with its request, none with a secret, and none that a caller could have written."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.errors import InvalidData
from nbdeploy.serving.watching.asked import Asked, current, note
from nbdeploy.serving.watching.logs import FORMATS, set_up
from nbdeploy.serving.watching.secrets import redact

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TOKEN = "nbd_" + "k" * 43


@pytest.fixture
def asked() -> Iterator[Asked]:
    """A request that is being answered."""
    made = Asked([(b"x-request-id", b"order-17"), (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())])
    token = current.set(made)
    yield made
    current.reset(token)


def written(kind: str) -> str:
    """What a logger writes of an error whose traceback quotes a secret."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATS[kind]())
    logger = logging.Logger("nbdeploy.test")
    logger.addHandler(handler)
    try:
        raise ValueError(f"postgresql://me:hunter2@db refused {TOKEN}")
    except ValueError:
        logger.exception("it failed with Bearer %s", TOKEN, extra={"deployment": "churn"})
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_line_names_its_request_and_hides_secrets(kind: str, asked: Asked) -> None:
    """In the message, in the traceback, in whatever was added."""
    line = written(kind)
    assert "order-17" in line
    assert "ValueError" in line
    assert TOKEN not in line
    assert "hunter2" not in line


def test_a_line_of_json_is_one_document(asked: Asked) -> None:
    """With what the logger was told besides."""
    document = json.loads(written("json"))
    assert (document["level"], document["deployment"], document["trace_id"]) == ("error", "churn", TRACE)
    assert document["span_id"] == asked.span != SPAN


def test_without_a_request_lines_are_written_all_the_same() -> None:
    """At start and end there is none; an unknown kind is refused."""
    assert "request_id" not in json.loads(written("json"))
    note(rows=1)
    with pytest.raises(InvalidData, match="text, json"):
        set_up("xml")


hexadecimal = st.text("0123456789abcdef", min_size=0, max_size=40)


@settings(deadline=None)
@given(st.tuples(hexadecimal, hexadecimal, hexadecimal, hexadecimal), st.sampled_from(["", "-", "-more"]))
def test_only_a_parent_by_the_rules_is_continued(parts: tuple[str, str, str, str], more: str) -> None:
    """W3C Trace Context, section 3.2: lengths, no zeros, no version ff; later versions may say more."""
    version, trace, span, flags = parts
    asked = Asked([(b"traceparent", ("-".join(parts) + more).encode())])
    lengths = (len(version), len(trace), len(span), len(flags)) == (2, 32, 16, 2)
    valid = (
        lengths and version != "ff" and set(trace) != {"0"} and set(span) != {"0"} and not (version == "00" and more)
    )
    assert (asked.trace == trace and asked.parent == span) == valid
    assert (len(asked.trace), len(asked.span)) == (32, 16)


@pytest.mark.parametrize(
    ("version", "trace", "span", "more", "parent"),
    [
        ("00", TRACE, SPAN, "", SPAN),
        ("cc", TRACE, SPAN, "-what-the-future-brings", SPAN),
        ("00", TRACE, SPAN, "-more", ""),
        ("ff", TRACE, SPAN, "", ""),
        ("00", "0" * 32, SPAN, "", ""),
        ("00", TRACE, "0" * 16, "", ""),
        ("00", TRACE.upper(), SPAN, "", ""),
    ],
)
def test_parents_as_the_recommendation_has_them(version: str, trace: str, span: str, more: str, parent: str) -> None:
    """And ``tracestate`` only with a parent."""
    sent = [(b"traceparent", f"{version}-{trace}-{span}-01{more}".encode()), (b"tracestate", b"vendor=1")]
    asked = Asked(sent)
    assert (asked.parent, asked.state) == (parent, "vendor=1" if parent else "")
    assert asked.flags == ("01" if parent else "00")


@settings(deadline=None)
@given(
    st.text(max_size=60),
    st.from_regex(r"[A-Za-z0-9_-]{43}", fullmatch=True),
)
def test_a_token_is_found_in_any_text(around: str, secret: str) -> None:
    """And all other text stays."""
    assert f"nbd_{secret}" not in redact(f"{around}nbd_{secret}")
    assert redact("rows 1 to 17 of churn:3 at https://ml.team:8080/models") == (
        "rows 1 to 17 of churn:3 at https://ml.team:8080/models"
    )
