"""The vocabulary: references, signatures and progress, as immutable values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from nbdeploy.errors import InvalidName
from nbdeploy.signatures import Axis, Column, MethodOutput, Signature

__all__ = [
    "NAME_RULE",
    "Axis",
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


Rows = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Canonical(msgspec.Struct, frozen=True, omit_defaults=True):
    """How native code is called, so that a row's answer does not depend on its neighbours.

    Attributes
    ----------
    multiple : int
        Calls are padded to a multiple of this many rows.
    tile : int or None
        If set, every call has exactly this many rows.
    twin : str or None
        The compiler of the twin that answers instead, where the twin is equal to native code only to rounding: then it
        answers every batch, and native code what the twin is not sure of.
    """

    multiple: Rows = 16
    tile: Rows | None = None
    twin: str | None = None


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

    @property
    def share(self) -> float | None:
        """How much of all is done, from 0 to 1, if it is known.

        Examples
        --------
        >>> Progress(1, 4).share, Progress(7, facts={"share": 0.5}).share, Progress(7).share
        (0.25, 0.5, None)
        """
        if self.total:
            return self.done / self.total
        share = (self.facts or {}).get("share")
        return float(share) if isinstance(share, int | float) else None


Report = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Report progress to nobody."""
