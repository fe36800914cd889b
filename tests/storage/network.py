"""A network that can be broken: a proxy on loopback before a server, which does to requests what a test asks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Self

_SLOW_DOWN = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_DENIED = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)

Fault = Callable[[int, bytes], str | None]
"""What becomes of request `number` (from 1 since it was broken) with this head.

`drop`: the connection, unanswered. `slow`: 503 SlowDown. `deny`: 403. `cut`: half of the answer. `hang`: no answer.
`lose`: it is done, but its answer is lost. `damage`: what is put arrives with a byte changed.
"""


class Network:
    """Answers one request per connection."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._number = 0
        self.done: list[str] = []
        """What was done to requests since the network was last broken."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def break_by(self, fault: Fault) -> None:
        with self._lock:
            self._fault, self._number, self.done = fault, 0, []

    def heal(self) -> None:
        with self._lock:
            self._fault = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            head, body = _read_head(client)
            if not head:
                return
            with self._lock:
                self._number += 1
                what = self._fault(self._number, head) if self._fault else None
                if what:
                    self.done.append(what)
            if what == "drop":
                return
            if what == "hang":
                self._stopping.wait()
                return
            if what in ("slow", "deny"):
                if not _awaits_go_ahead(head):
                    _read_rest(client, head, body)
                status, text = ("503 Slow Down", _SLOW_DOWN) if what == "slow" else ("403 Forbidden", _DENIED)
                if head.startswith(b"HEAD"):
                    text = b""
                client.sendall(
                    f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text
                )
                return
            self._pass_on(client, head, body, what)

    def _pass_on(self, client: socket.socket, head: bytes, body: bytes, what: str | None) -> None:
        with closing(socket.create_connection(self._server)) as server:
            if _awaits_go_ahead(head):
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = _read_rest(client, head, body)
            lines = [
                line
                for line in head.split(b"\r\n")
                if not line.lower().startswith((b"connection:", b"expect:")) and line
            ]
            if what == "damage":
                body, lines = (
                    body[:-1] + bytes([body[-1] ^ 1]),
                    [x for x in lines if b"-checksum-" not in x.lower().partition(b":")[0]],
                )
            server.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
            answer = b""
            while data := server.recv(1 << 16):
                answer += data
        if what == "lose":
            return
        if what == "cut":
            end = answer.find(b"\r\n\r\n") + 4
            answer = answer[: end + (len(answer) - end) // 2]
        client.sendall(answer)


def _awaits_go_ahead(head: bytes) -> bool:
    """Whether the body is only sent once somebody asks for it."""
    return b"expect: 100-continue" in head.lower()


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    """(head, what has come of the body)."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(1 << 16)
        if not more:
            return b"", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def _read_rest(client: socket.socket, head: bytes, body: bytes) -> bytes:
    """The whole body."""
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        while not body.endswith(b"\r\n\r\n"):
            body += client.recv(1 << 16)
        return body
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length:
        more = client.recv(1 << 16)
        if not more:
            break
        body += more
    return body
