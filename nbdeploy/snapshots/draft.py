"""A bundle in the making: the live model, what it answers in the kernel, and the files it becomes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from nbdeploy.canonical import single_job
from nbdeploy.codecs import bind, describe
from nbdeploy.codecs.frames import CONTAINERS, container_of
from nbdeploy.codecs.outputs import describe_output
from nbdeploy.compare import compare
from nbdeploy.errors import InvalidData, NotFound, RehearsalFailed
from nbdeploy.flavors import FLAVORS
from nbdeploy.manifest import Content, Manifest, canonical_json, file_entry
from nbdeploy.predictor import Caller
from nbdeploy.snapshots.capture import Captured
from nbdeploy.snapshots.environment import environment, requirements
from nbdeploy.snapshots.model_card import mlmodel, model_card, python_env
from nbdeploy.snapshots.sampling import choose_rows, profile
from nbdeploy.types import Canonical, MethodOutput, Signature

__all__ = ["Answers", "answer", "assemble"]

_LIBRARIES = {"pandas": {"pandas"}, "polars": {"polars"}, "pyarrow": {"pyarrow"}, "numpy": {"numpy"}, "builtins": set()}


@dataclass(frozen=True)
class Answers:
    """A live model's canonical answers for a sample of its data.

    Attributes
    ----------
    signature : Signature
        Inputs and outputs.
    sample : polars.DataFrame
        The rows, as on the wire.
    expected : polars.DataFrame
        The answers of every method.
    native_difference : float
        Largest relative difference from the plain ``model.predict(X)``.
    """

    flavor: str
    signature: Signature
    sample: pl.DataFrame
    expected: pl.DataFrame
    native_difference: float


def answer(
    model: Any, flavor: str, data: Any, *, method: str | None, rows: int, canonical: Canonical, tolerance: float
) -> Answers:
    """Ask a live model every method by the canonical call, and compare with its plain answers.

    Raises
    ------
    InvalidData
        If the data does not fit its own signature.
    RehearsalFailed
        If no method answers, or the plain answer is another.
    """
    inputs = describe(data)
    wire = bind(data, inputs)
    chosen = choose_rows(wire, rows)
    sample = wire[chosen]
    given = CONTAINERS[container_of(data)].take(data, chosen)
    adapter = FLAVORS[flavor]
    offered = adapter.methods(model)
    if method is not None and method not in offered:
        raise NotFound("method", method, offered)
    caller = Caller(model, flavor, inputs, canonical)
    outputs: dict[str, MethodOutput] = {}
    frames: list[pl.DataFrame] = []
    worst = 0.0
    failures: dict[str, str] = {}
    for name in sorted(offered):  # as JSON objects are kept: sorted
        try:
            # The user asked for none of these methods by name; their warnings would be noise.
            with warnings.catch_warnings(action="ignore"), single_job(model):
                raw = caller.raw(sample, name)
                plain = adapter.call(model, name, given)
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"
            continue
        described, frame = describe_output(name, raw, adapter.classes(model))
        difference = compare(describe_output(name, plain, adapter.classes(model))[1], frame, tolerance)
        if not difference.equal:
            raise RehearsalFailed(
                f"{name} answers {len(difference.rows)} of {len(chosen)} rows differently when called with rebuilt "
                f"data; {difference.first}; nothing was stored. Does the model change between calls, or look at "
                "more than the columns' values?",
                rows=difference.rows,
                max_difference=difference.max_difference,
            )
        worst = max(worst, difference.max_difference)
        outputs[name] = described
        frames.append(frame)
    default = method or (offered[0] if offered else "predict")
    if default not in outputs:
        raise RehearsalFailed(f"{default} fails on the data given: {failures.get(default)}; nothing was stored")
    _refuse_clash(outputs)
    signature = msgspec.structs.replace(inputs, outputs=outputs, default_method=default)
    return Answers(flavor, signature, sample, pl.concat(frames, how="horizontal"), worst)


def _refuse_clash(outputs: dict[str, MethodOutput]) -> None:
    names = [column for output in outputs.values() for column in output.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidData(f"two outputs would have the name {', '.join(twice)}")


def assemble(
    folder: Path,
    name: str,
    model: Any,
    answers: Answers,
    captured: Captured,
    canonical: Canonical,
    facts: dict[str, Any],
) -> tuple[Manifest, dict[str, bytes]]:
    """Write the bundle's files below `folder`, and return its documents and files.

    Parameters
    ----------
    folder : Path
        An empty folder.
    name : str
        The model's name.
    facts : dict
        What goes into the version record besides: metrics, note, lineage …
    """
    saved = FLAVORS[answers.flavor].save(model, folder, captured.module)
    env = environment(captured.packages | _LIBRARIES[answers.signature.container])
    inside = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    inside |= {**captured.files, "requirements.txt": requirements(env)}
    content = Content(
        protocol=1,
        flavor=answers.flavor,
        signature=answers.signature,
        canonical=canonical,
        environment=env,
        files={path: file_entry(data) for path, data in sorted(inside.items())},
        runs_code=saved.runs_code or captured.module is not None,
        loader=dict(saved.loader),
    )
    raw = canonical_json(content)
    beside = {
        "MLmodel": mlmodel(saved.mlflow, content, file_entry(raw).sha256[:32]),
        "python_env.yaml": python_env(content),
        "README.md": model_card(name, content, facts),
        "profile.json": canonical_json(profile(answers.sample, answers.expected)),
        "sample.parquet": _parquet(answers.sample),
        "expected.parquet": _parquet(answers.expected),
    }
    record = {
        **facts,
        "name": name,
        "version": 1,
        "flavor": content.flavor,
        "runs_code": content.runs_code,
        "native_difference": answers.native_difference,
        "files": {path: file_entry(data) for path, data in sorted(beside.items())},
        "bytes": sum(len(data) for data in (*inside.values(), *beside.values())) + len(raw),
    }
    manifest = Manifest.sealed(raw, msgspec.to_builtins(record))
    return manifest, inside | beside


def _parquet(frame: pl.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
