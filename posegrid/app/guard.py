"""Who may ask for what: this machine only, or whoever has the token; and no other site's pages."""

import hashlib
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
COOKIE = "posegrid_token"
MOST_FORM_BYTES = 10_000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; connect-src 'self'; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""Sent with every answer that does not say otherwise."""


@dataclass(frozen=True)
class Access:
    """Secrets of one start of the app."""

    token: str | None
    """What a visitor must know; None: only this machine can ask, and need not."""
    form_token: str
    """What a form must say to change anything: only our own pages know it."""

    @staticmethod
    def new(needs_token: bool, secret: bytes) -> "Access":
        """A new token, and the form token of a folder's secret, so that open pages outlive a
        restart.
        """
        form_token = hashlib.sha256(b"form" + secret).hexdigest()
        return Access(secrets.token_urlsafe(24) if needs_token else None, form_token)


class Guard:
    """Refuses what others ask, and sends the headers that keep a page to itself."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(Request(scope)) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to whoever may not ask."""
        host = request.headers.get("host", "")
        if self._access.token is None:
            # A name of another site that leads to this machine is no name of ours.
            if host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK:
                return PlainTextResponse("This app answers to this machine only.", 421)
        else:
            given = request.query_params.get("token", "")
            if given and secrets.compare_digest(given, self._access.token):
                answer = RedirectResponse(request.url.path, 303)
                answer.set_cookie(COOKIE, given, httponly=True, samesite="lax")
                return answer
            if not secrets.compare_digest(_cookie(request.headers), self._access.token):
                return PlainTextResponse(
                    "Open the address with the token that the app prints.", 401
                )
        if request.method not in ("GET", "HEAD") and not _is_same_origin(request.headers, host):
            return PlainTextResponse("This was asked by a page of another site.", 403)
        return None


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Whether a browser says that our own page asks; programs that are no browser say nothing."""
    origin = headers.get("origin")
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none") and (
        origin is None or urlsplit(origin).netloc == host
    )


async def is_ours(request: Request, access: Access) -> bool:
    """Whether a request that changes something has the form token: in its header, or a field."""
    given = request.headers.get("x-posegrid-token")
    if given is None:
        given = (await form_of(request)).get("token", "")
    return secrets.compare_digest(given.encode(), access.form_token.encode())


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a small form; nothing of one that is too large or not UTF-8."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", errors="replace"))
    return {name: values[0] for name, values in fields.items()}
