"""Opens a page to separate songs with, on this machine alone, until it is stopped."""

import asyncio
import secrets
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from evaluation.server.app import make_app
from evaluation.server.scratch import scratch_folder
from evaluation.server.songs import Songs

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Recogniser
    from trainer.inference.base import BaseSeparator

_ADDRESS = "127.0.0.1"
_PATIENCE_SECS = 5.0
_LOOK_SECS = 0.01


def open_port(port: int) -> socket.socket:
    """Returns a socket that listens on this machine's own address alone.

    Args:
        port: its number; 0 for any that is free.

    Raises:
        ValueError: the port is taken, or only for others.
    """
    listening = socket.socket()
    # Else a server that is begun again would wait for the connections of the one before.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_ADDRESS, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ValueError(
            f"port {port} cannot be had ({error.strerror}); give another with --port, or --port=0 "
            f"for any that is free."
        ) from error
    return listening


def serve(
    separator: "BaseSeparator",
    model: str,
    listening: socket.socket,
    upload_mb: float,
    recogniser: "Recogniser | None" = None,
) -> None:
    """Serves the page and separates what is sent, until an interruption.

    Args:
        separator: estimates the sources.
        model: says in words which networks these are.
        listening: socket of the page, which is closed in the end.
        upload_mb: that a song may have, in MB.
        recogniser: hears which instruments play, where one shall.
    """
    token = secrets.token_urlsafe(32)
    _end_with_the_terminal()
    with listening, scratch_folder() as folder:
        songs = Songs(separator, folder, recogniser)
        app = make_app(songs, model, token, round(upload_mb * 1e6))
        config = uvicorn.Config(
            _breaking_off(app),
            # Who sends garbage shall not fill the terminal.
            log_level="error",
            access_log=False,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        # This thread separates: an interruption ends a song at once.
        answering = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        try:
            # The page may be used, and all be interrupted, before this thread goes on.
            answering.start()
            while answering.is_alive() and not server.started:
                time.sleep(_LOOK_SECS)
            print(f"open http://{_ADDRESS}:{listening.getsockname()[1]}/#{token}", flush=True)
            print("Ctrl-C stops; songs and stems are deleted then.", flush=True)
            songs.work()
        except KeyboardInterrupt:
            print("stopped", flush=True)
        finally:
            server.should_exit = True
            if answering.is_alive():
                answering.join(_PATIENCE_SECS)


class _Server(uvicorn.Server):
    """Is a server that ends at once, whatever it receives or answers then.

    Left to itself it would wait for a while, and then print a traceback for each request.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes all connections, breaks off what is answered, and ends."""
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
        # Until they are closed: an answer that is broken off before is an error to the library.
        await asyncio.sleep(0)
        for answer in [*self.server_state.tasks]:
            answer.cancel()
        await super().shutdown(sockets)


def _breaking_off(app: ASGIApp) -> ASGIApp:
    """Returns an application whose answers may be broken off; nobody is there to be told."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return answer


def _end_with_the_terminal() -> None:
    """Lets a terminal that is closed end the command as Ctrl-C does, so that nothing is left."""
    if sys.platform == "win32":
        return
    # nohup wants it to go on.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
