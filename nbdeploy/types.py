"""The vocabulary: references, signatures and progress, as immutable values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from nbdeploy.errors import InvalidName

__all__ = [
    "NAME_RULE",
    "Canonical",
    "Column",
    "MethodOutput",
    "Progress",
    "Ref",
    "Report",
    "Signature",
    "check_name",
    "ignore_progress",
    "is_name",
]

NAME_RULE = "[a-z0-9][a-z0-9._-]{0,62}"
_NAME = re.compile(NAME_RULE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{12,64}")


def is_name(text: str) -> bool:
    """Whether a text obeys the naming rule."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str, kind: str = "name") -> str:
    """Return `name`, or raise if it breaks the naming rule.

    Parameters
    ----------
    name : str
        The name to check.
    kind : str
        What it names, for the message.

    Raises
    ------
    InvalidName
        If the name does not match ``[a-z0-9][a-z0-9._-]{0,62}``.

    Examples
    --------
    >>> check_name("churn")
    'churn'
    """
    if not is_name(name):
        raise InvalidName(
            f"{kind} {name!r} is not allowed: use 1 to 63 lower-case letters, digits, '.', '_' or '-', "
            f"starting with a letter or digit ({NAME_RULE})",
            name=name,
            rule=NAME_RULE,
        )
    return name


@dataclass(frozen=True)
class Ref:
    """A reference to one snapshot: ``churn``, ``churn:3``, ``churn@champion``, ``prod/churn``.

    Attributes
    ----------
    name : str
        The model's name, or the deployment's when `target` is set.
    version : int or None
        A version number.
    alias : str or None
        An alias of a store, or of a deployment (``prod/churn@candidate``).
    digest : str or None
        ``sha256:`` and at least 12 hexadecimal digits.
    target : str or None
        The remote place, when the reference means what a deployment serves.

    Examples
    --------
    >>> Ref.parse("churn:3")
    Ref(name='churn', version=3, alias=None, digest=None, target=None)
    >>> str(Ref.parse("models:/churn@champion"))
    'churn@champion'
    """

    name: str
    version: int | None = None
    alias: str | None = None
    digest: str | None = None
    target: str | None = None

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read a reference in any of its spellings.

        Raises
        ------
        InvalidName
            If the text is not a reference.
        """
        rest = text.strip()
        if rest.startswith("models:/"):
            rest = _from_mlflow(rest.removeprefix("models:/"))
        target, slash, rest = rest.rpartition("/")
        name, at, qualifier = rest.partition("@")
        version: int | None = None
        if not at:
            name, colon, number = rest.partition(":")
            if colon:
                if not re.fullmatch(r"[1-9][0-9]{0,7}", number):
                    raise InvalidName(
                        f"reference {text!r} is not understood: after ':' comes a version number, as in {name}:3",
                        reference=text,
                    )
                version = int(number)
        if slash:
            check_name(target, "target")
        check_name(name, "model name")
        if qualifier.startswith("sha256:"):
            if not _DIGEST.fullmatch(qualifier):
                raise InvalidName(
                    f"reference {text!r} is not understood: a digest is sha256: and 12 to 64 hexadecimal digits",
                    reference=text,
                )
            return cls(name, digest=qualifier, target=target or None)
        if at:
            check_name(qualifier, "alias")
        return cls(name, version=version, alias=qualifier or None, target=target or None)

    def __str__(self) -> str:
        where = f"{self.target}/" if self.target else ""
        if self.version is not None:
            return f"{where}{self.name}:{self.version}"
        qualifier = self.digest or self.alias
        return f"{where}{self.name}@{qualifier}" if qualifier else f"{where}{self.name}"


def _from_mlflow(rest: str) -> str:
    """``churn/3`` and ``churn/latest`` are MLflow's older spellings of a version."""
    name, slash, version = rest.partition("/")
    if not slash:
        return rest
    return name if version == "latest" else f"{name}:{version}"


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One input column of a model, enough to rebuild exactly what it was given.

    Attributes
    ----------
    name : str
        The name on the wire (unique text).
    type : str
        Logical type: ``float64``, ``int32`` …, ``bool``, ``string``, ``categorical``,
        ``datetime``, ``date`` or ``duration``.
    dtype : str
        The container's own name of the type, for example pandas' ``Int64``.
    label : Any
        The container's own label where it is not the wire name (an integer column).
    nullable : bool
        Whether missing values occurred in the data given.
    categories : list or None
        The categories of a categorical column, in order.
    categories_dtype : str or None
        The container's own name of the categories' type.
    ordered : bool
        Whether those categories are ordered.
    missing : str or None
        What stands for a missing value in an object column: ``nan``, ``none`` or ``NA``; ``nan`` also
        in floats of Polars, Arrow and Python, where a missing value would otherwise be null or None.
    unit : str or None
        The unit of a datetime or duration: ``ns``, ``us``, ``ms`` or ``s``.
    timezone : str or None
        The time zone of a datetime.
    """

    name: str
    type: str
    dtype: str
    label: Any = None
    nullable: bool = False
    categories: list[Any] | None = None
    categories_dtype: str | None = None
    ordered: bool = False
    missing: str | None = None
    unit: str | None = None
    timezone: str | None = None


class MethodOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one method of a model answers: its output columns and their types.

    Attributes
    ----------
    columns : list of str
        Output column names, for example ``probability_yes``.
    types : list of str
        Their logical types, as in :class:`Column`.
    dims : int
        Number of dimensions of the native answer: 1 or 2.
    times : dict of str to Column
        The columns of datetimes and durations, with their units and time zones.
    """

    columns: list[str]
    types: list[str]
    dims: int = 1
    times: dict[str, Column] = {}


Rows = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Canonical(msgspec.Struct, frozen=True, omit_defaults=True):
    """How native code is called, so that a row's answer does not depend on its neighbours.

    Attributes
    ----------
    multiple : int
        Calls are padded to a multiple of this many rows.
    tile : int or None
        If set, every call has exactly this many rows.
    """

    multiple: Rows = 16
    tile: Rows | None = None


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model takes and answers.

    Attributes
    ----------
    container : str
        The package of the data given: ``pandas``, ``polars``, ``pyarrow``, ``numpy`` or ``builtins``.
    columns : list of Column
        The inputs, in the order given.
    outputs : dict of str to MethodOutput
        The methods and what each answers.
    default_method : str
        The method that ``predict`` means.
    dims : int
        1 for a series, a one-dimensional array or a list of values; 2 for a table.
    dtype : str or None
        The common type of a NumPy input, or the kind of a builtin one: ``records``, ``columns`` or ``values``.
    """

    container: str
    columns: list[Column]
    outputs: dict[str, MethodOutput] = {}
    default_method: str = "predict"
    dims: int = 2
    dtype: str | None = None

    @property
    def names(self) -> list[str]:
        """Wire names of the input columns, in order."""
        return [column.name for column in self.columns]


@dataclass(frozen=True)
class Progress:
    """One step of something that takes a while.

    Attributes
    ----------
    done, total : int or None
        How much is done, and of how much (None if unknown).
    unit : str
        What is counted: ``rows``, ``cells``, ``bytes``, ``steps``.
    message : str
        What is happening now.
    facts : mapping
        Anything more, for doors that show it.
    """

    done: int = 0
    total: int | None = None
    unit: str = "steps"
    message: str = ""
    facts: Mapping[str, Any] | None = None


Report = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Report progress to nobody."""
