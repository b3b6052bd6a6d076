"""Songs as they come in: what is too much is cut off, whatever the sender says of it."""

import re
import socket
from pathlib import Path

import pytest

from evaluation.server.uploads import plain_title, require_disk, suffix_of
from tests.evaluation.server.page_server import MOST_BYTES, TOKEN

HEAD = f"POST /api/songs?title=a.wav&labels=vn HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Token: {TOKEN}\r\n"


def send_chunks(port, num_bytes):
    """Sends a body of unknown length; returns how much was taken and the answer."""
    chunk = b"10000\r\n" + bytes(2**16) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        try:
            while sent < num_bytes:
                connection.sendall(chunk)
                sent += 2**16
        except OSError:
            # The server closed it.
            pass
        try:
            return sent, connection.recv(2**16)
        except OSError:
            return sent, b""


def memory():
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def test_a_gigabyte_is_cut_at_the_limit_and_not_held(server):
    before = memory()
    sent, answer = send_chunks(server.port, 10**9)
    # What the buffers of both sockets hold is sent as well.
    assert sent < MOST_BYTES + 2**24
    assert answer.startswith(b"HTTP/1.1 413") or not answer
    assert memory() - before < 50e6
    assert server.songs.describe() == []
    assert [*server.folder.iterdir()] == []


def test_a_body_that_announces_too_much_is_refused_before_it_comes(server):
    answer = server.raw(f"{HEAD}Content-Length: 1000000000\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"a song may have up to 5 MB; for a longer one give --upload_mb" in answer
    assert [*server.folder.iterdir()] == []


def test_a_sender_who_goes_away_leaves_nothing(server, caplog):
    server.raw(f"{HEAD}Content-Length: 1000\r\n\r\nhalf".encode())
    # The terminal is no place for it.
    assert caplog.records == []
    assert server.json("/api/songs") == []
    assert [*server.folder.iterdir()] == []


def test_an_empty_file_is_refused(server):
    status, _, content = server.ask("/api/songs?labels=vn", "POST", b"")
    assert (status, content) == (400, b"the file is empty; expected a song.")


def test_a_disk_that_is_too_small_is_told(tmp_path):
    require_disk(tmp_path / "a", 1)
    with pytest.raises(ValueError, match=r"this needs 1,000,000,000 MB and the disk has .* left"):
        require_disk(tmp_path / "a", 10**15)


@pytest.mark.parametrize(
    ("name", "title", "suffix"),
    [
        ("a.mp3", "a.mp3", ".mp3"),
        ("../../etc/passwd", "passwd", ""),
        ("C:\\songs\\a.WAV", "a.WAV", ".WAV"),
        ("a\n\x1b[31mb.flac", "a[31mb.flac", ".flac"),
        ("<img src=x>.wav", "<img src=x>.wav", ".wav"),
        ("a.m p3", "a.m p3", ""),
        ("", "song", ""),
        ("..", "..", ""),
        ("x" * 300 + ".mp3", "x" * 146 + ".mp3", ".mp3"),
    ],
)
def test_names_are_shown_and_are_no_paths(name, title, suffix):
    assert plain_title(name) == title
    assert suffix_of(title) == suffix
