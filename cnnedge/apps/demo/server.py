"""The server of the page: everything it serves is in memory and named here, and the one thing it takes is checked.

All of it lies below a random token, which the printed address carries: who does not have the address gets nothing and
leaves nothing. Needs the extra ``demo`` (starlette, uvicorn).
"""

import mimetypes
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.apps.demo.offer import Offer
from cnnedge.apps.demo.page_text import MODULES, SERVED_POLICY, served_page, source
from cnnedge.apps.demo.upload import receive
from cnnedge.documents.browser_run import MAX_BYTES
from cnnedge.errors import CnnedgeError, DataError, MissingPackageError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# 128 bits; the address still fits a small QR code.
TOKEN_BYTES = 16
# A phone that measures may hold a connection open: it is not waited for longer when the server is to end.
SECONDS_TO_END = 1
HEADERS = {
    "Content-Security-Policy": SERVED_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html"}


@dataclass(frozen=True)
class Site:
    """What is served below ``token``: ``parts`` by name; figures that phones post are kept in ``folder``.

    ``said`` is called with a line for each of them.
    """

    token: str
    parts: Mapping[str, bytes]
    offer: Offer
    folder: Path
    said: Callable[[str], None]


def make_site(offer: Offer, runtimes: Mapping[str, bytes], folder: Path, said: Callable[[str], None]) -> Site:
    """The page, its parts, the files and what runs them, under a fresh token."""
    parts = {"": served_page(offer).encode(), "style.css": source("style.css").encode()}
    parts |= {f"{name}.js": source(f"{name}.js").encode() for name in MODULES}
    parts |= {one.address: one.file.content for one in offer.files}
    parts |= {f"runtime/{name}": content for name, content in runtimes.items()}
    return Site(secrets.token_urlsafe(TOKEN_BYTES), parts, offer, folder, said)


def require_server_packages() -> None:
    """Check, before long work, that the page can be served.

    Raises:
        MissingPackageError: starlette, uvicorn or segno is not installed.
    """
    from importlib.util import find_spec

    for package in ("starlette", "uvicorn", "segno"):
        if find_spec(package) is None:
            raise MissingPackageError(package, "demo")


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port`` (0: any free one), before anything is promised.

    Raises:
        CnnedgeError: the port is in use, or there is no such address here.
    """
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise CnnedgeError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}): choose another --port "
            "(0: any free one) or --host"
        ) from None
    return found


def serve(site: Site, listening: socket.socket, identity: tuple[Path, Path] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM, and close then; with an ``identity``, a key and its certificate, on https."""
    import uvicorn

    key, certificate = identity or (None, None)
    # uvicorn's own log says in 40 lines that a phone was cut off; what fails here says ``application`` in one.
    config = uvicorn.Config(
        application(site), log_level="critical", access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=SECONDS_TO_END, limit_concurrency=100, h11_max_incomplete_event_size=16_384,
        ssl_keyfile=key, ssl_certfile=certificate,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def application(site: Site) -> "Starlette":
    """The site as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    def has_token(request: "Request") -> bool:
        return secrets.compare_digest(request.path_params["token"].encode(), site.token.encode())

    def part(request: "Request") -> "Response":
        name = request.path_params["name"]
        if not has_token(request) or name not in site.parts:
            return refused(request)
        return Response(site.parts[name], media_type=_type(name), headers=HEADERS)

    async def results(request: "Request") -> "Response":
        if not has_token(request):
            return refused(request)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return refused(request)  # which nobody hears
        if body is None:
            return PlainTextResponse(f"more than {MAX_BYTES:,} bytes", 413, headers=HEADERS | {"Connection": "close"})
        try:
            path = await run_in_threadpool(receive, body, site.offer, site.folder)
        except DataError as error:
            return PlainTextResponse(str(error), 400, headers=HEADERS)
        except OSError as error:
            return PlainTextResponse(f"it cannot be kept ({error.strerror})", 507, headers=HEADERS)
        site.said(f"received: {path}")
        return PlainTextResponse(f"kept as {path.parent.name}/{path.name}", headers=HEADERS)

    def refused(_: "Request") -> "Response":
        return PlainTextResponse("not here: open the whole address that cnnedge demo printed", 404, headers=HEADERS)

    def failed(_: "Request", error: Exception) -> "Response":
        site.said(f"a request failed: {type(error).__name__}: {error}")
        return PlainTextResponse("the laptop failed: its terminal says how", 500, headers=HEADERS)

    routes = [
        Route("/{token}/results", results, methods=["POST"]),
        Route("/{token}/{name:path}", part),
        Route("/{rest:path}", refused),
    ]
    return Starlette(routes=routes, exception_handlers={Exception: failed})


async def _body(request: "Request") -> bytes | None:
    """What was posted; None as soon as it is more than MAX_BYTES, whatever its length was said to be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            return None
    return body


def _type(name: str) -> str:
    suffix = Path(name).suffix or ".html"
    return _TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
