"""Models and data that tests of twins share, and how a twin is held against its model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl

from nbdeploy.codecs import bind, describe
from nbdeploy.compilers import Twin, compile_twins
from nbdeploy.compilers.proof import Proof, prove
from nbdeploy.flavors import FLAVORS
from nbdeploy.predictor import Caller
from nbdeploy.signatures import MethodOutput, Signature
from nbdeploy.types import Canonical

RANDOM = np.random.default_rng(7)
ROWS = 160


def table() -> pd.DataFrame:
    """Text, categories, whole numbers, truth values and numbers, some of them missing."""
    frame = pd.DataFrame(
        {
            "town": RANDOM.choice(["Ost", "West", "Süd", "Nord"], ROWS),
            "plan": RANDOM.choice(["free", "gold", "rare"], ROWS, p=[0.6, 0.37, 0.03]),
            "tier": pd.Categorical(RANDOM.choice(["low", "mid", "top"], ROWS)),
            "kids": RANDOM.integers(0, 4, ROWS),
            "paid": RANDOM.random(ROWS) > 0.4,
            "age": RANDOM.normal(45.0, 15.0, ROWS),
            "income": RANDOM.lognormal(8.0, 1.0, ROWS),
            "debt": RANDOM.normal(0.0, 100.0, ROWS),
        }
    )
    frame.loc[RANDOM.random(ROWS) < 0.15, "income"] = np.nan
    frame.loc[RANDOM.random(ROWS) < 0.15, "town"] = np.nan
    return frame


TABLE = table()
NUMBERS = pd.DataFrame(
    {"a": RANDOM.normal(size=ROWS), "b": RANDOM.uniform(1, 9, ROWS), "c": RANDOM.poisson(3.0, ROWS) + 0.5}
)
BINARY = np.where(TABLE.debt + 60 * TABLE.paid + 30 * RANDOM.normal(size=ROWS) > 20, "yes", "no")
THREE = np.array(["low", "mid", "top"])[np.digitize(NUMBERS.a + 0.2 * NUMBERS.b, [0.4, 1.4])]
AMOUNT = NUMBERS.a.to_numpy() * 3 + np.sqrt(NUMBERS.b.to_numpy()) + RANDOM.normal(size=ROWS) / 5


@dataclass(frozen=True)
class Held:
    """A twin beside its model."""

    compiler: str
    twin: Twin
    native: Callable[[pl.DataFrame, str], Any]
    signature: Signature
    rows: pl.DataFrame

    def proven(self, seconds: float = 2.0) -> Proof:
        return prove(self.twin, self.native, self.signature, self.rows, seconds=seconds)


def hold(model: Any, data: Any, flavor: str = "sklearn") -> Held:
    """Compile a fitted model; all that it offers is wanted of the twin."""
    found, caller = twins_of(model, data, flavor)
    made = [(name, twin) for name, twin in found.items() if isinstance(twin, Twin)]
    assert made, found
    name, twin = made[0]
    return Held(name, twin, caller.native, caller.signature, bind(data, caller.signature))


def twins_of(model: Any, data: Any, flavor: str = "sklearn") -> tuple[dict[str, Twin | str], Caller]:
    """What each compiler makes of a model, up to the first twin, and how the model is asked."""
    names = FLAVORS[flavor].methods(model)
    outputs = {name: MethodOutput([name], ["float64"]) for name in names}
    signature = msgspec.structs.replace(describe(data), outputs=outputs, default_method=names[0])
    found: dict[str, Twin | str] = {}
    for name, twin in compile_twins(model, signature):
        found[name] = twin
        if isinstance(twin, Twin):
            break
    return found, Caller(model, flavor, signature, Canonical())


def fitted(model: Any, data: Any, target: Any) -> Any:
    """Fit without the warnings of models that had too little time."""
    with warnings.catch_warnings(action="ignore"):
        return model.fit(data, target)
