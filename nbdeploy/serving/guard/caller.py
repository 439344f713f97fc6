"""Who sent a request, and what that allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate

from nbdeploy.errors import Forbidden
from nbdeploy.hints import typed
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.serving.guard.tokens import Scope, Token

__all__ = ["ANONYMOUS", "Caller"]


class Caller:
    """Who sent a request.

    Parameters
    ----------
    name : str
        The name of its token.
    scopes : sequence of Scope
        What it may do.
    models : sequence of str
        Patterns (``churn*``) of the deployments it may do that with; all if empty.
    pace : Pace, optional
        How many requests it may send; what the endpoint allows everybody if not given.

    Examples
    --------
    >>> crm = Caller("crm", [Scope.PREDICT], ["churn*"])
    >>> crm.sees("churn-eu"), crm.sees("fraud")
    (True, False)
    """

    __slots__ = ("_pattern", "_scopes", "models", "name", "pace")

    def __init__(
        self, name: str, scopes: Sequence[Scope], models: Sequence[str] = (), pace: Pace | None = None
    ) -> None:
        self.name = name
        self.models = tuple(models)
        self.pace = pace
        self._scopes = frozenset(scopes)
        self._pattern = re.compile("|".join(map(translate, models))) if models else None

    @classmethod
    def of(cls, token: Token) -> Caller:
        """Return who sends a token."""
        scopes = [scope for scope in Scope if token.scope.allows(scope)]
        return cls(token.name, scopes, token.models, Pace.parse(token.rate) if token.rate else None)

    @property
    def restricted(self) -> bool:
        """Whether there are deployments that it may not know of."""
        return self._pattern is not None

    def sees(self, model: str) -> bool:
        """Whether it may do anything with a deployment."""
        return self._pattern is None or self._pattern.match(model) is not None

    def check_scope(self, needed: Scope) -> None:
        """Let pass what its scope allows.

        Raises
        ------
        Forbidden
            If it does not.
        """
        if needed not in self._scopes:
            raise self._refused(f"has scope {self._widest}, and this needs {needed}", f"--scope {needed}")

    def check_model(self, model: str | None) -> None:
        """Let pass what concerns a deployment that it may see; None stands for all deployments.

        Raises
        ------
        Forbidden
            If it may not, whether there is such a deployment or not.
        """
        if self._pattern is not None and (model is None or self._pattern.match(model) is None):
            what = f"not for {model!r}" if model is not None else "and this concerns all of them"
            models = f" --models {model}" if model is not None else ""
            raise self._refused(f"is for models {', '.join(self.models)}, {what}", f"--scope {self._widest}{models}")

    @property
    def _widest(self) -> Scope:
        return next(scope for scope in reversed(Scope) if scope in self._scopes)

    def _refused(self, reason: str, wanted: str) -> Forbidden:
        step = typed(f"token create NAME {wanted}")
        return Forbidden(f"the token {self.name!r} {reason}; make one with: {step}", token=self.name)


ANONYMOUS = Caller("anonymous", [Scope.PREDICT, Scope.READ])
"""A program of this machine without a token, where such are let in."""
