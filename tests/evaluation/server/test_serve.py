"""The end of the page: whatever comes in or is answered then, the library tells of no error."""

import http.client
import json
import logging
import signal
import socket
import threading
import time

import numpy as np
import pytest
import soundfile

from evaluation.server.serve import open_port, serve

TOKEN = "the-token-of-this-test"
RATE = 8000


@pytest.fixture
def listening(tmp_path, monkeypatch):
    """A socket for ``serve``, which SIGTERM interrupts as it does in the command."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: TOKEN)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open_port(0) as listening:
        yield listening
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(port, path, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"X-Token": TOKEN})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def wait_for(port, state):
    """Waits until the only song is so far; returns it."""
    for _ in range(1000):
        songs = ask(port, "/api/songs")
        if [song["state"] for song in songs] == [state]:
            return songs[0]
        time.sleep(0.01)
    raise AssertionError(f"no song was {state}")


def interrupt_after(begin):
    """Calls a function in a thread that ends this process's work then, and returns the thread."""

    def run():
        try:
            begin()
        finally:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def serve_quietly(separator, listening, begin, caplog, tmp_path):
    """Serves until a function has begun something; nothing of it is told or left."""

    def listen_and_begin():
        begin()
        # Only now: the server takes away the handlers that it finds.
        logging.getLogger("uvicorn").addHandler(caplog.handler)

    thread = interrupt_after(listen_and_begin)
    serve(separator, "the network of a test", listening, upload_mb=5.0)
    thread.join()
    logging.getLogger("uvicorn").removeHandler(caplog.handler)
    assert caplog.records == []
    assert [path for path in tmp_path.glob("source-separate-*/*") if path.is_dir()] == []


def test_an_upload_is_broken_off_without_a_word(separator, listening, caplog, tmp_path):
    port = listening.getsockname()[1]
    head = f"POST /api/songs?title=a.wav&labels=vn HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Token: {TOKEN}"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:

        def begin():
            connection.sendall(f"{head}\r\nContent-Length: 1000\r\n\r\nhalf".encode())
            wait_for(port, "receiving")

        serve_quietly(separator, listening, begin, caplog, tmp_path)


def test_an_interruption_before_this_thread_goes_on_ends_it_quietly(
    separator, listening, caplog, tmp_path, monkeypatch
):
    start = threading.Thread.start

    def start_and_lag(thread):
        start(thread)
        if threading.current_thread() is threading.main_thread():
            time.sleep(1.0)

    port = listening.getsockname()[1]
    monkeypatch.setattr(threading.Thread, "start", start_and_lag)
    serve_quietly(separator, listening, lambda: ask(port, "/api/songs"), caplog, tmp_path)


def test_a_file_that_is_being_made_is_broken_off_without_a_word(
    separator, listening, caplog, tmp_path, monkeypatch
):
    port = listening.getsockname()[1]
    has_begun = threading.Event()
    may_end = threading.Event()

    def make_slowly(*_):
        has_begun.set()
        may_end.wait(30)
        raise OSError("the folder is gone")

    monkeypatch.setattr("evaluation.server.app.make_download", make_slowly)
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:

        def begin():
            song = (tmp_path / "a.wav").read_bytes()
            ask(port, "/api/songs?title=a.wav&labels=vn", "POST", song)
            path = f"/api/songs/{wait_for(port, 'ready')['key']}/downloads?stem=vn&format=mp3"
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Token: {TOKEN}\r\n\r\n"
            connection.sendall(head.encode())
            assert has_begun.wait(10)

        serve_quietly(separator, listening, begin, caplog, tmp_path)
        may_end.set()
