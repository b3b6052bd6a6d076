"""Who is answered: by bytes on a socket, as a page of somebody else's or a program would send them."""

import pytest

from tests.evaluation.server.page_server import TOKEN


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[", "192.168.1.2"),
        *("evil@127.0.0.1", "127.0.0.1:evil.example", "localhost/x"),
    ],
)
def test_another_host_is_refused_with_421(server, host):
    answer = server.raw(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) == 421
    assert b"content-security-policy: default-src 'none'" in answer


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8765", "LOCALHOST:1", "[::1]:8765"])
def test_this_machine_is_answered_through_any_port(server, host):
    answer = server.raw(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) == 200
    assert b"<title>Separate songs</title>" in answer


@pytest.mark.parametrize("token", [None, "", "x", TOKEN[:-1], f"{TOKEN}x"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/model"), ("GET", "/api/songs"), ("POST", "/api/songs"), ("DELETE", "/api/x")],
)
def test_without_the_token_nothing_is_told_or_done(server, method, path, token):
    status, _, content = server.ask(path, method, body=b"song", token=token)
    assert status == 403
    assert b"the token is missing" in content
    assert server.songs.describe() == []


def test_a_page_of_another_origin_is_refused_though_it_knows_the_token(server):
    host = f"127.0.0.1:{server.port}"
    for origin in ("http://evil.example", "null", f"https://{host}", f"http://{host}0"):
        status, headers, _ = server.ask("/api/songs", "POST", b"song", Origin=origin)
        assert status == 403
        assert not [name for name in headers if name.lower().startswith("access-control")]
    assert server.ask("/api/songs", Origin=f"http://{host}")[0] == 200


def test_no_other_origin_may_ask_beforehand(server):
    status, headers, _ = server.ask("/api/songs", "OPTIONS", token=None, Origin="http://a.example")
    assert status == 403
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/page.css/../serve.py",
        "/..%2f..%2fetc%2fpasswd",
        "/serve.py",
        "/page.css/",
        "/downloads/..%2f..%2fetc%2fpasswd",
        "/api/songs/..%2f..%2f..%2fetc%2fpasswd/picture",
        "//etc/passwd",
    ],
)
def test_no_path_leads_to_a_file(server, path):
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Token: {TOKEN}\r\n"
    answer = server.raw(f"{request}Connection: close\r\n\r\n".encode())
    assert status_of(answer) == 404
    assert b"root:" not in answer
    assert b"import" not in answer


def test_a_socket_for_messages_is_not_opened(server):
    answer = server.raw(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert status_of(answer) in (200, 400)


def test_garbage_ends_in_400_and_the_server_goes_on(server):
    assert status_of(server.raw(b"\x00\xff\x00 garbage\r\n\r\n")) == 400
    assert server.ask("/api/songs")[0] == 200
