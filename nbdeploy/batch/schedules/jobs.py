"""What a schedule runs: a notebook with parameters, or a prediction."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from nbdeploy.batch.kernels import choose_kernel
from nbdeploy.batch.notifying import choose
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.ordering.starting import Prepared, prepare_command, prepare_notebook
from nbdeploy.batch.parameters import Text, bind, check_secrets, render, showable
from nbdeploy.batch.parameters.words import DUE
from nbdeploy.batch.pipelines import check_options, read
from nbdeploy.batch.predicting import varies
from nbdeploy.errors import WrongUsage
from nbdeploy.notebooks import Notebook
from nbdeploy.settings import DEFAULT, Settings

__all__ = ["Job", "NotebookJob", "PipelineJob", "PredictionJob", "Surroundings"]


class Surroundings(msgspec.Struct, frozen=True):
    """Where a schedule was added, so that its runs find the same things wherever the scheduler runs.

    Attributes
    ----------
    cwd : str
        The working directory; relative paths mean files below it.
    variables : dict
        The settings in force, as environment variables.
    """

    cwd: str
    variables: dict[str, str] = {}

    @classmethod
    def of(cls, settings: Settings, cwd: Path) -> Surroundings:
        """Those of somebody with these settings in this folder."""
        values = {
            "home": str(settings.home),
            "store": settings.store_anywhere,
            "target": settings.target,
            "allow_code": settings.allow_code,
            "trusted_keys": os.pathsep.join(settings.trusted_keys),
            "runs_at_once": str(settings.runs_at_once),
        }
        always = {"home", "store", "target"}
        chosen = {name for name, source in settings.sources.items() if source != DEFAULT} | always
        return cls(str(cwd), {f"NBDEPLOY_{name.upper()}": values[name] for name in values if name in chosen})

    def settings(self) -> Settings:
        """The settings in force there; the database is that of whoever asks."""
        return Settings.load(Path(self.cwd), {**os.environ, **self.variables})

    def place(self, path: str) -> str:
        """An absolute path."""
        return str(Path(self.cwd) / Path(path).expanduser())


class NotebookJob(msgspec.Struct, frozen=True, tag="notebook"):
    """A notebook to run; its texts may hold ``{{ words }}``.

    Attributes
    ----------
    order : Order
        The notebook, and how to run it.
    at : Surroundings
        Where it was asked for.
    """

    order: Order
    at: Surroundings

    @classmethod
    def of(cls, order: Order, at: Surroundings) -> NotebookJob:
        """The job with an order as it is given to a run."""
        return cls(replace(order, notebook=at.place(order.notebook)), at)

    @property
    def words(self) -> str:
        """What runs, in short."""
        given = {**showable(self.order.values), **self.order.raw}
        return " ".join([Path(self.order.notebook).name, *(f"{name}={value}" for name, value in given.items())])

    def check(self, due: datetime) -> None:
        """Refuse what would fail at `due`, as far as can be seen today."""
        order = self.order_at(due)
        choose(order.notify, self.at.settings())
        book = Notebook.read(order.notebook)
        bind(book, order.values, order.raw, order.files)
        choose_kernel(book, order.kernel)

    def doubts(self) -> list[str]:
        """What may be a mistake, and may not: secrets are read where the scheduler runs."""
        try:
            check_secrets(self.order.values)
        except WrongUsage as error:
            return [str(error)]
        return []

    def prepare(self, due: datetime, settings: Settings, schedule: str) -> Prepared:
        """Prepare the run of a scheduled time."""
        environment = {
            **self.at.variables,
            DUE: f"{due.isoformat()}[{due.tzinfo}]",
        }  # what its cells predict may hold words, too
        return prepare_notebook(self.order_at(due), settings, environment=environment, schedule=schedule)

    def order_at(self, due: datetime) -> Order:
        """The order of a scheduled time: words replaced, paths absolute."""
        order, at = self.order, self.at
        return replace(
            order,
            parameters=render(order.parameters, due),
            raw=render(order.raw, due),
            files=[at.place(file) for file in render(order.files, due)],
            output=None if order.output is None else at.place(render(order.output, due)),
            cwd=None if order.cwd is None else at.place(render(order.cwd, due)),
            env_files=[at.place(file) for file in render(order.env_files, due)],
            inputs=[at.place(file) for file in render(order.inputs, due)],
        )


class PipelineJob(msgspec.Struct, frozen=True, tag="pipeline"):
    """A pipeline to run; texts of its parameters may hold ``{{ words }}``.

    Attributes
    ----------
    order : Order
        The pipeline's file in the place of the notebook, its parameters, and how long it may take.
    at : Surroundings
        Where it was asked for.
    """

    order: Order
    at: Surroundings

    @classmethod
    def of(cls, order: Order, at: Surroundings) -> PipelineJob:
        """The job with an order as it is given to a run.

        Raises
        ------
        WrongUsage
            If it says what a pipeline says of each of its steps.
        """
        check_options(order)
        return cls(replace(order, notebook=at.place(order.notebook)), at)

    @property
    def words(self) -> str:
        """What runs, in short."""
        given = {**self.order.values, **self.order.raw}
        return " ".join([Path(self.order.notebook).name, *(f"{name}={value}" for name, value in given.items())])

    def check(self, due: datetime) -> None:
        """Refuse what would fail at `due`, as far as can be seen today."""
        order = self._at(due)
        read(order.notebook).values({**order.values, **order.raw})

    def doubts(self) -> list[str]:
        """What may be a mistake, and may not."""
        return []

    def told(self, order: Order | None = None) -> list[str]:
        """The command that runs it, without the program."""
        order = order or self.order
        given = [word for name, value in order.values.items() for word in _parameter(name, value)]
        raw = [word for name, text in order.raw.items() for word in ("--raw", name, text)]
        return ["run", *given, *raw, "--", order.notebook]

    def prepare(self, due: datetime, settings: Settings, schedule: str) -> Prepared:
        """Prepare the run of a scheduled time: one that waits for those of the steps."""
        order = self._at(due)
        words = self.told(order)
        return prepare_command(
            [sys.executable, "-P", "-m", "nbdeploy", *words[:1], "--json", "--progress=json", *words[1:]],
            shlex.join([*words[:-2], Path(order.notebook).name]),
            settings,
            cwd=Path(self.at.cwd),
            output=order.notebook,
            timeout=order.timeout,
            environment=self.at.variables,
            schedule=schedule,
        )

    def _at(self, due: datetime) -> Order:
        order = self.order
        return replace(order, parameters=render(order.parameters, due), raw=render(order.raw, due))


def _parameter(name: str, value: object) -> list[str]:
    """A parameter as it is typed: a text that is one stays so, anything else is read by the types of notebooks."""
    stays = isinstance(value, str) and not isinstance(value, Text)
    return ["--raw" if stays else "--parameter", name, str(value)]


class PredictionJob(msgspec.Struct, frozen=True, tag="predict"):
    """A prediction to make: ``nbdeploy predict REF INPUT --out OUT``; input and output may hold ``{{ words }}``.

    Attributes
    ----------
    ref, source, out : str
        As for the command.
    at : Surroundings
        Where it was asked for.
    options : list of str
        Further words of the command.
    timeout : float or None
        Seconds that it may take.
    notify : list of str
        Whom to tell how a run ended.
    """

    ref: str
    source: str
    out: str
    at: Surroundings
    options: list[str] = []
    timeout: float | None = None
    notify: list[str] = []

    @property
    def words(self) -> str:
        """What runs, in short."""
        return self._said(self.source, self.out, self.options)

    def check(self, due: datetime) -> None:
        """Refuse words that are none, and whom nobody can tell."""
        choose(self.notify, self.at.settings())
        render([self.source, self.out, *self.options], due)

    def doubts(self) -> list[str]:
        """What may be a mistake, and may not: an input may come later."""
        if varies(self.source) or Path(self.at.place(self.source)).exists():
            return []
        return [f"{self.at.place(self.source)} is not there yet"]

    def prepare(self, due: datetime, settings: Settings, schedule: str) -> Prepared:
        """Prepare the run of a scheduled time."""
        source, out, *options = render([self.source, self.out, *self.options], due)
        python = [sys.executable, "-P", "-m", "nbdeploy", "predict"]
        return prepare_command(
            [*python, "--json", "--progress=json", f"--out={out}", *options, "--", self.ref, source],
            self._said(source, out, options),
            settings,
            cwd=Path(self.at.cwd),
            output=out if "://" in out else self.at.place(out),
            timeout=self.timeout,
            environment=self.at.variables,
            schedule=schedule,
            notify=self.notify,
        )

    def _said(self, source: str, out: str, options: list[str]) -> str:
        return shlex.join(["predict", self.ref, source, "--out", out, *options])


Job = NotebookJob | PipelineJob | PredictionJob
