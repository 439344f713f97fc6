"""The row compiler: a model as plain NumPy along rows, with Treelite for its trees."""

from __future__ import annotations

from typing import Any

from nbdeploy.compilers.stages import NotCompiled, NotFor, Plan, fields_of, name_of
from nbdeploy.compilers.steps import FINALS, TRANSFORMERS, Final, compile_final
from nbdeploy.compilers.steps import TREES as TREE_MODELS
from nbdeploy.compilers.twin import Twin
from nbdeploy.types import Signature

__all__ = ["COMPILER", "TREES"]


class RowCompiler:
    """See :class:`nbdeploy.compilers.Compiler`.

    First every step is compiled. If a step cuts at thresholds what is equal only to rounding, it is tried again
    with the rounding steps called natively.
    """

    priority = 20
    automatic = True

    def compile(self, model: Any, signature: Signature) -> Twin:
        if name_of(model) not in FINALS and name_of(model) not in TRANSFORMERS:
            raise NotCompiled(f"a {type(model).__name__} is not known")
        try:
            return _compiled(model, Plan(signature))
        except NotCompiled as reason:
            try:
                return _compiled(model, Plan(signature, exact=True))
            except NotCompiled:
                raise reason from None


class TreeCompiler(RowCompiler):
    """See :class:`nbdeploy.compilers.Compiler`. For models that are trees and nothing else."""

    priority = 10

    def compile(self, model: Any, signature: Signature) -> Twin:
        if name_of(model) not in TREE_MODELS:
            raise NotFor(f"a {type(model).__name__} is not a known tree ensemble")
        return super().compile(model, signature)


COMPILER = RowCompiler()
TREES = TreeCompiler()


def _compiled(model: Any, plan: Plan) -> Twin:
    offered: Final = compile_final(model, fields_of(plan))
    wanted = plan.signature.outputs or offered
    final = {name: how for name, how in offered.items() if name in wanted}
    if not final:
        raise NotCompiled(f"it answers {', '.join(offered)}, and the snapshot {', '.join(wanted)}")
    return Twin(
        {name: method for name, (method, _) in final.items()},
        {name: exact for name, (_, exact) in final.items()},
        native=tuple(plan.native),
        cells=plan.cells,
        work=plan.work,
    )
