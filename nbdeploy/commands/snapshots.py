"""Commands that take a snapshot, and prove it again."""

from __future__ import annotations

from typing import Any

import click

from nbdeploy import api
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import COMPILER, KEY, METHOD, OBJECT, REF, SAMPLE, VARIABLE, Live
from nbdeploy.commands.syntax import Command, argument, command, option, pass_door
from nbdeploy.errors import WrongUsage
from nbdeploy.signatures import UNKNOWN, UNSEEN

__all__ = ["GENERIC", "snapshot", "verify"]

GENERIC = frozenset(
    {
        *("best", "best_estimator", "best_estimator_", "best_model", "classifier", "clf", "est", "estimator"),
        *("final_model", "fitted", "grid", "grid_search", "gs", "m", "mdl", "model", "my_model", "pipe", "pipeline"),
        *("predictor", "reg", "regr", "regressor", "search", "trained_model"),
    }
)
"""Variable names that say nothing about a model."""


class _NotebookOnly(Command):
    """A command that needs live objects, and says so in a shell."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        wants_help = any(word in ctx.help_option_names for word in args)
        if not (ctx.ensure_object(Door).live or wants_help or ctx.resilient_parsing):
            raise WrongUsage(
                f"{self.name} needs the live model, and a shell has none: in the notebook that trained it, type "
                f"%load_ext nbdeploy and %deploy {self.name} MODEL NAME -X DATA, or call nbdeploy.{self.name}(…)"
            )
        return super().parse_args(ctx, args)


@command("snapshot", cls=_NotebookOnly)
@argument("model", type=VARIABLE, help="A fitted model, any object with predict, or a function.")
@argument("name", required=False, help="Its name in the store; the variable's own by default.")
@option("-X", "--data", type=OBJECT, required=True, metavar="X", help="Rows as the model takes them.")
@option("-y", "--labels", type=OBJECT, metavar="y", help="The right answers to those rows.")
@option("--test", type=OBJECT, nargs=2, metavar="X y", help="Rows and answers kept from training, to measure on.")
@option("--method", type=METHOD, metavar="METHOD", help="The method that answers by default; all are kept.")
@option("--alias", metavar="ALIAS", help="Also give it this alias.")
@option("--sample", type=SAMPLE, metavar="N|EXPR|synthetic|none", help="Which rows to keep beside the model.")
@option("--private", multiple=True, metavar="COL", help="Mask this column wherever rows are kept or shown.")
@option("--note", metavar="TEXT", help="A remark for the version record.")
@option("--preprocess", type=OBJECT, multiple=True, metavar="F", help="What was done to the rows before the model.")
@option("--no-compile", is_flag=True, help="Look for no compiled twin: native code answers all.")
@option("--compiler", "compile", type=COMPILER, metavar="NAME", help="Try only this compiler: rows, treelite or onnx.")
@option("--allow-secrets", is_flag=True, help="Store it although something in it looks like a password or key.")
@option("--tolerance", type=float, metavar="T", help="Largest relative difference allowed between two answers.")
@option("--sign", type=KEY, metavar="KEY", help="A private key to sign the content with, by name or file.")
@option("--default", "defaults", multiple=True, metavar="COL=VALUE", help="A column that callers may leave out.")
@option("--nullable", multiple=True, metavar="COL", help="A column that may have missing values, though none is in X.")
@option("--unknown-columns", type=click.Choice(UNKNOWN), help="What to do with other columns.")
@option("--unseen-categories", type=click.Choice(UNSEEN), help="What to do with other categories.")
@pass_door
def snapshot(door: Door, /, model: Live, name: str | None, data: object, **options: Any) -> object:
    """Store a model, proven to predict the same in a clean process.

    `%deploy snapshot model churn -X X_train --test X_test y_test` makes churn:1; other content of that name becomes
    churn:2, and the same again is what it was.
    """
    given = {key: value for key, value in options.items() if not _absent(value)}
    if given.pop("no_compile") and given.setdefault("compile", False):
        raise WrongUsage("--no-compile looks for no twin, and --compiler names one: give one of them")
    if "defaults" in given:
        given["defaults"] = dict(_pair(text) for text in given["defaults"])
    return api.snapshot(model.value, name or _name_of(model.source), data=data, **given, progress=door.report)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise WrongUsage(f"--default {text!r} is not understood: write COLUMN=VALUE")
    return name, value


def _absent(value: object) -> bool:
    """Whether an option was not given; labels have a ``==`` of their own."""
    return value is None or (isinstance(value, tuple) and not value)


def _name_of(source: str) -> str:
    """The variable's name, unless it says nothing about the model."""
    name = source.removeprefix("$")
    if not name.isidentifier() or name.lower() in GENERIC:
        why = "says nothing about the model" if name.isidentifier() else "is not a variable's name"
        raise WrongUsage(f"the snapshot needs a name, and {source!r} {why}: write %deploy snapshot {source} NAME …")
    return name


@command("verify")
@argument("ref", type=REF, help="The snapshot.")
@option("--fresh-env", is_flag=True, help="Rehearse in a new environment, built from its requirements.")
@option("--signed-by", type=KEY, metavar="KEY.pub", help="The public key that must have signed it, by name or file.")
@pass_door
def verify(door: Door, /, ref: str, **options: Any) -> object:
    """Rehearse a snapshot again in a clean interpreter.

    It is refused if it answers otherwise than when it was stored.
    """
    return api.verify(ref, **options, progress=door.report)
