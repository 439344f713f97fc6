"""Admission: the one way into the endpoint for everything that needs a token."""

from __future__ import annotations

from collections.abc import Mapping

from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.gate import Gate
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.room import Room
from nbdeploy.serving.guard.tokens import Scope

__all__ = ["Guard"]


class Guard:
    """Admits a request: by its token, the token's rate, and the room that is left, in this order.

    Parameters
    ----------
    gate : Gate
        Who may do what.
    rates : Rates
        How often.
    room : Room
        How much at once.
    """

    __slots__ = ("gate", "rates", "room")

    def __init__(self, gate: Gate, rates: Rates, room: Room) -> None:
        self.gate = gate
        self.rates = rates
        self.room = room

    def enter(self, headers: Mapping[str, str], needed: Scope, model: str | None, heeded: bool = False) -> Caller:
        """Begin a request; ``room.leave(bytes of its body)`` has to follow.

        Parameters
        ----------
        headers : mapping
            By lower-case name.
        needed, model : Scope, str or None
            What is going to be done, and with which deployment; None means with all of them.
        heeded : bool
            Whether that will be asked later, as only the request's handler knows which deployments are meant.

        Returns
        -------
        Caller
            Who asks.

        Raises
        ------
        Unauthenticated, Forbidden
            If it may not.
        Busy
            If it may, but not now.
        """
        caller = self.gate.admit(headers, needed)
        if not heeded:
            caller.check_model(model)
        self._take(caller, needed)
        return caller

    def predict(self, authorization: bytes, model: str) -> Caller:
        """Begin a request for predictions by the value of its ``Authorization`` header. See :meth:`enter`."""
        caller = self.gate.holder(authorization, Scope.PREDICT)
        caller.check_model(model)
        self._take(caller, Scope.PREDICT)
        return caller

    def _take(self, caller: Caller, needed: Scope) -> None:
        if needed in _RATED:
            self.rates.count(caller)
        self.room.enter()


_RATED = frozenset({Scope.PREDICT, Scope.READ})
"""A push is many requests in a row, and rare; its limit is that it needs a token for it."""
