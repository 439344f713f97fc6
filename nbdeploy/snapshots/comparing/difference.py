"""Two snapshots side by side: what they take and answer, how good they are, their code, and where they disagree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from nbdeploy.cards import Card, Patch, Result, Table
from nbdeploy.errors import NbdeployError
from nbdeploy.predictor import Predictor
from nbdeploy.snapshots.comparing.changes import Change, changed, code_patch, environment_of, files_of, signature_of
from nbdeploy.snapshots.comparing.disagreement import Disagreement, disagreement
from nbdeploy.snapshots.metrics import ordered
from nbdeploy.snapshots.pages.wording import minute
from nbdeploy.store import Store, Version

__all__ = ["Difference", "difference"]

_LINES = 200
_CELL = 60
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+")


@dataclass(frozen=True)
class Difference(Result):
    """How two snapshots differ.

    Attributes
    ----------
    before, after : Version
        The snapshots.
    signature, environment, metrics, parameters, files : sequence of Change
        What differs in their inputs and outputs, packages, metrics, model parameters and files.
    code : sequence of str
        The unified diff of captured source.
    predictions : Disagreement
        Which rows of their samples they answer differently.
    """

    before: Version
    after: Version
    signature: Sequence[Change] = ()
    environment: Sequence[Change] = ()
    metrics: Sequence[Change] = ()
    parameters: Sequence[Change] = ()
    files: Sequence[Change] = ()
    code: Sequence[str] = field(default=(), repr=False)
    predictions: Disagreement = field(default_factory=Disagreement)

    @property
    def same(self) -> bool:
        """Whether both have the same content, and so the same answers."""
        return self.before.digest == self.after.digest

    @property
    def line(self) -> str:
        """The difference in predictions first, then how much else differs."""
        both = f"{self.before} → {self.after}"
        if self.same:
            return f"{both}: the same content, {self.before.digest[:19]}"
        added, taken = (sum(line.startswith(sign) and line[:3] != sign * 3 for line in self.code) for sign in "+-")
        counts = [
            *(f"{c.name} {_number(c.before)} → {_number(c.after)}" for c in self.metrics[:1]),
            f"code +{added} −{taken}" if self.code else "",
            *(
                f"{name}: {len(changes)} changed"
                for name, changes in (("signature", self.signature), ("packages", self.environment))
                if changes
            ),
        ]
        return f"{both}: {'; '.join(one for one in (self._predictions(), *counts) if one)}"

    def card(self) -> Card:
        """Return a section for each part that differs."""
        parts = (
            ("metrics", self.metrics),
            ("signature", self.signature),
            ("parameters", self.parameters),
            ("packages", self.environment),
            ("files", self.files),
        )
        shown: list[tuple[str, Table | Patch]] = [(title, self._table(changes)) for title, changes in parts if changes]
        if self.predictions.first:
            shown.insert(0, ("the first rows that are answered differently", self._rows()))
        if self.code:
            more = len(self.code) - _LINES
            rest = [f"… {more} more lines; see --json"] if more > 0 else []
            shown.append(("code", Patch([*self.code[:_LINES], *rest])))
        sides = [
            (str(one), f"{one.digest[:19]}… by {one.author}, {minute(one.created)}")
            for one in (self.before, self.after)
        ]
        return Card(self.line, [*sides, ("predictions", self._predictions())], parts=shown)

    def document(self) -> dict[str, Any]:
        """Return everything that differs."""
        named = ("signature", "environment", "metrics", "parameters", "files")
        parts = {name: [asdict(change) for change in getattr(self, name)] for name in named}
        sides = {"before": self.before, "after": self.after}
        return {
            **{side: {"snapshot": str(one), "digest": one.digest} for side, one in sides.items()},
            "same": self.same,
            **parts,
            "code": "\n".join(self.code),
            "predictions": asdict(self.predictions),
        }

    def _predictions(self) -> str:
        found = self.predictions
        said = ""
        if self.same:
            said = "the same, as the content is"
        elif found.rows:
            said = f"{found.differing} of {found.rows} sample rows answered differently"
        return "; ".join(one for one in (said, *(f"not compared: {reason}" for reason in found.reasons)) if one)

    def _table(self, changes: Sequence[Change]) -> Table:
        rows = [(change.name, *(_cell(value) for value in (change.before, change.after))) for change in changes]
        return Table(("", str(self.before), str(self.after)), rows)

    def _rows(self) -> Table:
        rows = [(f"{r.sample} row {r.row}", _answer(r.before), _answer(r.after)) for r in self.predictions.first]
        return Table(("", str(self.before), str(self.after)), rows)


def difference(store: Store, before: Version, after: Version, load: Callable[[Version], Predictor]) -> Difference:
    """Compare two snapshots, of any models.

    Parameters
    ----------
    store : Store
        Where they are.
    before, after : Version
        The two.
    load : callable
        Loads one, to ask both about the same rows.
    """
    if before.digest == after.digest:
        return Difference(before, after, metrics=changed(_metrics(before), _metrics(after)))
    old, new = documents = [store.manifest(version) for version in (before, after)]
    asked, parameters = _asked(before, after, load)
    return Difference(
        before,
        after,
        signature=changed(signature_of(old.parsed.signature), signature_of(new.parsed.signature)),
        environment=changed(environment_of(old), environment_of(new)),
        metrics=changed(_metrics(before), _metrics(after)),
        parameters=parameters,
        files=changed(files_of(old), files_of(new)),
        code=code_patch(store.open(before), store.open(after), documents),
        predictions=asked,
    )


def _metrics(version: Version) -> dict[str, float]:
    return dict(ordered(version.record.get("metrics", {})))


def _asked(
    before: Version, after: Version, load: Callable[[Version], Predictor]
) -> tuple[Disagreement, Sequence[Change]]:
    """Load both and ask them; what cannot be loaded here is said, and is no reason not to compare the rest."""
    loaded = []
    for version in (before, after):
        try:
            loaded.append((str(version), load(version)))
        except NbdeployError as error:
            return Disagreement(reasons=[f"{version} cannot be loaded here: {error}"]), ()
    return disagreement(*loaded), changed(*(_parameters(predictor.model) for _, predictor in loaded))


def _parameters(model: Any) -> dict[str, str]:
    """A scikit-learn model's parameters as text, except its parts, whose own parameters are among them."""
    try:
        found = dict(model.get_params(deep=True))
    except Exception:  # any class may have a method of that name
        return {}
    told = {name: repr(value) for name, value in found.items() if not hasattr(value, "get_params")}
    parts = {name.partition("__")[0] for name in found if "__" in name}
    named = {name for name in told if any(f"'{part}'" in told[name] for part in parts)}  # a pipeline's steps
    return {name: text for name, text in told.items() if name not in named and not _ADDRESS.search(text)}


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "none"


def _cell(value: Any) -> str:
    text = "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _answer(answer: Mapping[str, Any]) -> str:
    values = [_cell(value) for value in answer.values()]
    return values[0] if len(values) == 1 else ", ".join(f"{k} {v}" for k, v in zip(answer, values, strict=True))
