"""What asking a model changes is named by where it is."""

from __future__ import annotations

import pytest

from nbdeploy.snapshots.rehearsal.changing import changing_parts
from tests.snapshots.conftest import Cells


@pytest.mark.parametrize(
    ("cell", "changing"),
    [
        ("noise = (i for i in range(99))\ndef model(x): return x + next(noise)", ["the variable noise (a generator)"]),
        (
            "class M:\n    def __init__(self): self.it = iter(range(99))\n"
            "    def __call__(self, x): return x + next(self.it)\nmodel = M()",
            ["the model.it (a range_iterator)"],
        ),
        (
            "class Step:\n    calls = 0\n    def __call__(self, x):\n        self.calls += 1\n        return x\n"
            "class M:\n    def __init__(self): self.steps = [('s', Step())]\n"
            "    def __call__(self, x): return self.steps[0][1](x)\nmodel = M()\nmodel(1)",
            ["the model.steps[0][1].calls (an int)"],
        ),
        (
            "import numpy as np\nrng = np.random.default_rng(0)\ndef noisy(x): return x + rng.normal()\n"
            "def model(x): return noisy(x)",
            ["the variable rng (a Generator)"],
        ),
        (
            "def make(cache):\n    def model(x):\n        cache[x] = len(cache)\n        return cache[x]\n"
            "    return model\n"
            "model = make({})",
            ["the variable cache of model[1] (an int)"],
        ),
        (
            "import numpy as np\ndef model(x): return x + np.random.rand()",
            ["numpy's own random numbers (np.random)"],
        ),
        ("K = [3]\ndef model(x): return x + K[0]", []),
    ],
)
def test_what_asking_changes_is_named(cells: Cells, cell: str, changing: list[str]) -> None:
    """Attributes, closures, the notebook's variables, and the random numbers that everybody shares."""
    cells.run(cell)
    with cells.inside():
        assert changing_parts(cells["model"], lambda: cells["model"](1)) == changing
