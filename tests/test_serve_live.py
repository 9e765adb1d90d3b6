"""A server that really listens: slow clients, broken requests, many connections, its stop."""

import json
import socket
import threading
import time

import httpx
import pytest
from seqloom_runtime.errors import SettingsError
from seqloom_runtime.serve import protocol
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.running import listen
from served import Dripping, Loud, dial, eventually, listening

HEAD = "POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def until_closed(connection: socket.socket) -> bytes:
    """All that the server says: its head and its body may come in two pieces."""
    return b"".join(iter(lambda: connection.recv(4_096), b""))


def test_a_server_answers() -> None:
    with listening([Loud()]) as (address, _):
        found = httpx.post(f"{address}/v1/translate", json={"text": "가나"})
        assert found.json() == {"model": "loud", "text": "가나"}
        assert "server" not in found.headers


def test_a_body_that_comes_too_slowly() -> None:
    with listening([Loud()], Limits(body_seconds=0.2)) as (address, _), dial(address) as slow:
        slow.sendall(f"{HEAD}Content-Length: 20\r\n\r\n{{".encode())
        answer = until_closed(slow).decode()
        assert answer.startswith("HTTP/1.1 408")
        assert "not sent within 0.2 seconds" in answer


def test_a_head_that_comes_too_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol.TimedProtocol, "head_seconds", 0.2)
    with listening([Loud()]) as (address, _), dial(address) as slow:
        for letter in "POST ":
            slow.sendall(letter.encode())
            time.sleep(0.02)
        assert slow.recv(10) == b""
        with dial(address) as silent:
            assert silent.recv(10) == b""


def test_a_body_in_chunks_is_bounded() -> None:
    with listening([Loud()], Limits(body=1_000)) as (address, _), dial(address) as client:
        client.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(20):
            client.sendall(b"64\r\n" + b" " * 100 + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        assert client.recv(4_096).startswith(b"HTTP/1.1 413")


def test_a_prompt_of_ten_megabytes_gets_its_line() -> None:
    with listening([Loud()]) as (address, _):
        body = json.dumps({"text": "a" * 10_000_000})
        kind = {"content-type": "application/json"}
        found = httpx.post(f"{address}/v1/translate", content=body, headers=kind)
        assert found.status_code == 413
        assert found.json() == {
            "error": "The request is larger than 1,048,576 bytes.",
            "code": "too_large",
            "values": [1_048_576],
        }


def test_what_is_no_http() -> None:
    with listening([Loud()]) as (address, _):
        with dial(address) as client:
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
            assert client.recv(4_096).startswith(b"HTTP/1.1 400")
        assert httpx.get(f"{address}/health").status_code == 200


def test_connections_too_many_are_told_so() -> None:
    with listening([Loud()], Limits(connections=3)) as (address, _):
        idle = [dial(address) for _ in range(3)]
        eventually(lambda: httpx.get(f"{address}/health").status_code == 503)
        assert httpx.get(f"{address}/health").headers["retry-after"] == "2"
        for one in idle:
            one.close()
        eventually(lambda: httpx.get(f"{address}/health").status_code == 200)


def test_many_connections_at_once_are_survived() -> None:
    with listening([Loud()], Limits(connections=100)) as (address, _):
        idle = [dial(address) for _ in range(400)]
        assert httpx.get(f"{address}/health", timeout=10).status_code == 503
        for one in idle:
            one.close()
        eventually(lambda: httpx.get(f"{address}/health", timeout=10).status_code == 200)


def test_a_client_that_leaves_a_stream_gives_its_place_back() -> None:
    model = Dripping(seconds=0.02)
    with listening([model], Limits(streams=1)) as (address, _):
        asked = {"text": "a" * 200}
        with httpx.stream("POST", f"{address}/v1/translate/stream", json=asked) as found:
            lines = found.iter_lines()
            assert next(lines) == 'data: {"text":"a"}'
            busy = httpx.post(f"{address}/v1/translate/stream", json=asked)
            assert busy.status_code == 503 and busy.headers["retry-after"]
        again = {"text": "b"}
        stream = f"{address}/v1/translate/stream"
        eventually(lambda: httpx.post(stream, json=again).status_code == 200)


def test_a_stream_that_takes_too_long_says_so() -> None:
    with listening([Dripping(seconds=0.05)], Limits(stream_seconds=0.2)) as (address, _):
        found = httpx.post(f"{address}/v1/translate/stream", json={"text": "a" * 50})
        assert "event: error" in found.text and "within 0.2 s" in found.text


def test_requests_in_flight_are_finished_when_it_stops() -> None:
    model = Loud(seconds=0.5)
    found: list[httpx.Response] = []
    with listening([model]) as (address, server):
        url = f"{address}/v1/translate"
        thread = threading.Thread(target=lambda: found.append(httpx.post(url, json={"text": "a"})))
        thread.start()
        eventually(lambda: bool(model.batches))
        server.should_exit = True
        thread.join()
    assert found[0].json()["text"] == "A"
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, json={"text": "a"})


def test_a_place_that_is_taken() -> None:
    with listening([Loud()]) as (address, _):
        port = int(address.rpartition(":")[2])
        with pytest.raises(SettingsError, match=f"Cannot listen at 127.0.0.1:{port}"):
            listen("127.0.0.1", port).listen()
    with pytest.raises(SettingsError, match="Cannot listen at"):
        listen("127.0.0.1", 70_000)
    with pytest.raises(SettingsError, match="Cannot listen at"):
        listen("no such host.example", 0)
