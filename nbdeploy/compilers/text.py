"""Text counted by the vectoriser's own analyser, and weighted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Stage, as_numbers, finite
from nbdeploy.compilers.twin import Unsure

__all__ = ["count_vectorizer", "tfidf_transformer", "tfidf_vectorizer"]


def count_vectorizer(step: Any, given: Stage) -> Numbers:
    """Compile ``CountVectorizer``."""
    return _counted(step, given, np.dtype(step.dtype), lambda values, _: values)


def tfidf_vectorizer(step: Any, given: Stage) -> Numbers:
    """Compile ``TfidfVectorizer``: counts, weighted and normalised where they are not zero."""
    return _counted(step, given, np.dtype(step.dtype), _weights(step._tfidf))


def tfidf_transformer(step: Any, given: Stage) -> Numbers:
    """Compile ``TfidfTransformer`` after a step that counts."""
    numbers = finite(as_numbers(given))
    if not numbers.sparse:
        raise NotCompiled("its input is not sparse")
    weigh, dtype = _weights(step), np.dtype(np.float32 if numbers.dtype == np.float32 else np.float64)

    def one(x: Any) -> Any:
        at = np.flatnonzero(x)
        out = np.zeros(len(x), dtype)
        out[at] = weigh(x[at].astype(dtype), at)
        return out

    return numbers.then(lambda x: one(x) if x.ndim == 1 else np.stack([one(row) for row in x]), dtype=dtype)


def _counted(step: Any, given: Stage, dtype: Any, weigh: Callable[[Any, Any], Any]) -> Numbers:
    if not isinstance(given, Fields) or len(given.fields) != 1 or given.fields[0].column.type != "string":
        raise NotCompiled("it does not read one column of text")
    if given.fields[0].filled is not None:
        raise NotCompiled("its text was filled before")
    position, width = given.fields[0].position, len(step.vocabulary_)
    analyze, find, binary = step.build_analyzer(), step.vocabulary_.get, step.binary

    def one(text: Any, out: Any) -> None:
        if text is None:
            raise Unsure
        counts: dict[int, int] = {}
        for token in analyze(text):
            at = find(token)
            if at is not None:
                counts[at] = counts.get(at, 0) + 1
        if counts:
            where = np.array(sorted(counts))
            values = np.array([1 if binary else counts[i] for i in where.tolist()], dtype)
            out[where] = weigh(values, where)

    def run(rows: Any) -> Any:
        texts = rows.column(position)
        out = np.zeros((len(texts), width), dtype)
        for text, row in zip(texts, out, strict=True):
            one(text, row)
        return out if rows.lead else out[0]

    return Numbers(run, width, dtype, given.plan, sparse=True)


def _weights(step: Any) -> Callable[[Any, Any], Any]:
    """Term frequencies of one text, weighted by rarity and normalised, in scikit-learn's order of operations."""
    idf = step.idf_ if hasattr(step, "idf_") else None
    sublinear, norm = step.sublinear_tf, step.norm

    def run(values: Any, at: Any) -> Any:
        if not len(values):
            return values
        if sublinear:
            values = np.log(values)
            values += 1.0
        if idf is not None:
            values = np.multiply(values, idf[at], out=values, casting="same_kind")
        if norm is not None:
            terms = np.abs(values) if norm == "l1" else values * values
            total = np.add.accumulate(terms, dtype=np.float64)[-1]
            if total:
                values /= np.sqrt(total) if norm == "l2" else total
        return values

    return run
