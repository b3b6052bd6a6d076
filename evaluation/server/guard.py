"""Answers only who was given the address: by the name of this machine, a token and the origin.

Any page that a person has open may send requests to this machine, by a name of its own that it lets
point here, too. So a request must name this machine as its host, must come from no other page, and
must bring the token, which stands in the address that the command prints, behind its ``#``, where
no request and no log has it.
"""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-token"
# What is asked for under it needs the token; the rest is the page itself, and what has a ticket.
_WITH_TOKEN = "/api/"
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guard:
    """Is an application that passes on what may be answered, and adds what browsers must obey."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """Guards an application.

        Args:
            app: answers what passes.
            token: that requests for anything but the page must bring.
        """
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or passes it on."""
        if scope["type"] != "http":
            # The start and the end of the server; sockets are not opened.
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self._refusal(scope["path"], Headers(scope=scope)) or self._app
        await app(scope, receive, send_safely)

    def _refusal(self, path: str, headers: Headers) -> PlainTextResponse | None:
        """Returns the answer to who may not ask; None for who may."""
        host = headers.get("host", "")
        # By whichever port it is reached: that of a tunnel may be another.
        if not _HOST.fullmatch(host):
            return _refuse(421, f"{host!r} is not this machine; ask 127.0.0.1 or localhost.")
        origin = headers.get("origin", f"http://{host}")
        if origin != f"http://{host}":
            return _refuse(403, f"a page of {origin} may not ask here.")
        token = headers.get(TOKEN_HEADER, "")
        if path.startswith(_WITH_TOKEN) and not _is_equal(token, self._token):
            return _refuse(403, "the token is missing; open the address that the command printed.")
        return None


def _is_equal(one: str, other: str) -> bool:
    """Compares in a time that does not tell how much of a guess is right."""
    return secrets.compare_digest(one.encode(), other.encode())


def _refuse(status: int, sentence: str) -> PlainTextResponse:
    # What else a client sends is not read.
    return PlainTextResponse(sentence, status, headers={"connection": "close"})
