"""The web application: one page and two JSON endpoints over an opened index.

Only this machine may use it. Whoever else gets a browser here to send requests (a page of another
site, or a name that resolves to this address) is told by its `Host` or `Origin`, and refused.

    POST /api/search      {"question": …, "k": 10, "title": "", "section": ""}
    POST /api/neighbours  {"row": …, "k": 5}

Both answer `{"passages": […]}`, or `{"error": …}` with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.search.passages import Passage
from wiki_embeddings.search.questions import Index

MOST_BODY_BYTES = 1_000_000
"""Of a request: ten times the longest question that makes sense to send."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The texts are other people's: nothing that they contain may run, load or be framed."""

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}

Answerer = Callable[[dict[str, Any]], list[Passage]]


def application(index: Index, port: int) -> Starlette:
    """Make the application.

    Args:
        index: What is searched.
        port: Port that it is served on, which `Host` has to name.
    """
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    routes = [Route(path, partial(_file, name, kind)) for path, (name, kind) in _FILES.items()]
    routes += [
        Route("/api/dataset", partial(_dataset, index)),
        Route("/api/search", partial(_answer, partial(_search, index)), methods=["POST"]),
        Route("/api/neighbours", partial(_answer, partial(_neighbours, index)), methods=["POST"]),
    ]
    guard = partial(_guarded, hosts)
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)])


async def _guarded(
    hosts: set[str], request: Request, call_next: RequestResponseEndpoint
) -> Response:
    """Refuse what does not come from this machine's own page or programs."""
    origin = request.headers.get("Origin")
    is_own = origin is None or origin.removeprefix("http://") in hosts
    if request.headers.get("Host", "").lower() not in hosts or not is_own:
        response: Response = PlainTextResponse(
            "This page is for this machine only: open http://127.0.0.1 with its port.\n", 403
        )
    else:
        response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


async def _file(name: str, kind: str, _: Request) -> Response:
    content = resources.files("wiki_embeddings.search_page").joinpath(name).read_bytes()
    return Response(content, media_type=kind)


async def _dataset(index: Index, _: Request) -> Response:
    return JSONResponse({"dataset": index.label, "model": index.model.name, "note": index.note})


def _search(index: Index, asked: dict[str, Any]) -> list[Passage]:
    return index.query(
        _value(asked, "question", str, ""),
        _value(asked, "k", int, 10),
        title=_value(asked, "title", str, ""),
        section=_value(asked, "section", str, ""),
    )


def _neighbours(index: Index, asked: dict[str, Any]) -> list[Passage]:
    return index.neighbours(_value(asked, "row", int, -1), _value(asked, "k", int, 5))


def _value(asked: dict[str, Any], name: str, type_: type, default: Any) -> Any:
    value = asked.get(name, default)
    if type(value) is not type_:  # True is an int otherwise
        kind = "a text" if type_ is str else "a whole number"
        raise BadInputError(f"{name} has to be {kind}.")
    return value


async def _answer(answerer: Answerer, request: Request) -> Response:
    try:
        asked = await _asked(request)
        passages = await run_in_threadpool(answerer, asked)
    except BadInputError as error:
        return JSONResponse({"error": str(error)}, 400)
    except WikiEmbeddingsError as error:
        return JSONResponse({"error": str(error)}, 503)
    return JSONResponse({"passages": [asdict(passage) for passage in passages]})


async def _asked(request: Request) -> dict[str, Any]:
    """Read the JSON object of a request.

    Raises:
        BadInputError: It is none, or too large.
    """
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MOST_BODY_BYTES:
            raise BadInputError(f"The request has more than {MOST_BODY_BYTES:,} bytes.")
    try:
        asked = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInputError("The request is no JSON.") from error
    if not isinstance(asked, dict):
        raise BadInputError('The request is no JSON object such as {"question": "…"}.')
    return asked
