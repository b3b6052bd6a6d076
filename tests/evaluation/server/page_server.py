"""Serve the page to separate songs with, in a thread of the tests, and ask it as any program may."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import uvicorn

from evaluation.server.app import make_app
from evaluation.server.scratch import scratch_folder
from evaluation.server.serve import open_port
from evaluation.server.songs import Songs

TOKEN = "the-token-of-the-tests"
MOST_BYTES = 5_000_000


class PageServer:
    """Is a server with its songs; they are separated where ``separate`` is called."""

    def __init__(self, separator, folder, listening, recogniser=None):
        self.port = listening.getsockname()[1]
        self.folder = folder
        self.songs = Songs(separator, folder, recogniser)
        self.most_bytes = MOST_BYTES
        app = make_app(self.songs, "the network of a test", TOKEN, MOST_BYTES)
        config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def ask(self, path, method="GET", body=None, token=TOKEN, **headers):
        """Returns the status, the headers and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            given["X-Token"] = token
        connection.request(method, path, body, given)
        response = connection.getresponse()
        answer = (response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer

    def json(self, path, method="GET", body=None):
        """Returns what an answer says, which must be one."""
        status, _, content = self.ask(path, method, body)
        assert status in (200, 201), content
        return json.loads(content)

    def send(self, path, title=None, **chosen):
        """Sends a file; returns what is said of the song."""
        given = urlencode({"title": title or path.name, **chosen})
        return self.json(f"/api/songs?{given}", "POST", path.read_bytes())

    def separate(self, song):
        """Separates all that wait; returns what is said of a song then."""
        while self.songs.work_once(patience_secs=0.01) is not None:
            pass
        return self.describe(song)

    def describe(self, song):
        """Returns what is said of a song; None where it is not there."""
        return next((each for each in self.json("/api/songs") if each["key"] == song["key"]), None)

    def download(self, song, stem, form):
        """Returns a file to take away, and its name."""
        given = urlencode({"stem": stem, "format": form})
        made = self.json(f"/api/songs/{song['key']}/downloads?{given}", "POST")
        status, headers, content = self.ask(made["address"], token=None)
        assert status == 200
        return content, headers["content-disposition"]

    def raw(self, text):
        """Returns what comes back for bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()


@contextmanager
def page_server(separator, recogniser=None):
    """Serves the page until the block ends."""
    with open_port(0) as listening, scratch_folder() as folder:
        served = PageServer(separator, folder, listening, recogniser)
        yield served
        served.server.should_exit = True
        served.thread.join(10)
