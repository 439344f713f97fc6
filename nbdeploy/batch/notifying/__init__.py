"""Telling people and programs how a run ended: a webhook, an e-mail, or what an outside package adds."""

from nbdeploy.batch.notifying.notice import EVENTS, NOTIFIERS, Notice, Notifier, NotTold, choose, place
from nbdeploy.batch.notifying.telling import Told, tell, tell_apart, try_out, wait_until_told

__all__ = [
    "EVENTS",
    "NOTIFIERS",
    "NotTold",
    "Notice",
    "Notifier",
    "Told",
    "choose",
    "place",
    "tell",
    "tell_apart",
    "try_out",
    "wait_until_told",
]
