"""The ASGI application: the routes of every protocol over one service."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from nbdeploy.serving.exchange import unrouted
from nbdeploy.serving.protocols.table import PROTOCOLS
from nbdeploy.serving.service import Service

__all__ = ["application"]


def application(service: Service) -> Starlette:
    """Return the ASGI application of an endpoint.

    Parameters
    ----------
    service : Service
        Started and closed with the application.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            service.close()

    routes = [route for name in PROTOCOLS for route in PROTOCOLS[name]]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: unrouted})
    app.router.redirect_slashes = False
    app.state.service = service
    return app
