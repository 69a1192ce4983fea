"""A client of PostgreSQL's extended protocol that fetches a portal's rows in batches, as JDBC's setFetchSize does.

libpq, and with it psycopg, always asks for all rows at once; this asks for ``size``, may do other things in between, and asks for
more. Message formats: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence


class Portal:
    """One connection with trust authentication, for tests."""

    def __init__(self, port: int, user: str, dbname: str, app: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._buffer = b""
        options = {"user": user, "database": dbname, "application_name": app, "client_encoding": "UTF8"}
        body = b"".join(f"{k}\0{v}\0".encode() for k, v in options.items()) + b"\0"
        self._socket.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)
        list(self._answers())

    def query(self, sql: str) -> list[str]:
        """The simple protocol: rows as text."""
        self._socket.sendall(_message(b"Q", sql.encode() + b"\0"))
        return list(self._answers())

    def batches(self, sql: str, size: int, parameters: Sequence[str] = (), between: Sequence[str] = ()) -> list[str]:
        """Rows of ``sql``, ``size`` at a time from one portal, inside a transaction. ``between`` are statements that run between
        the batches, through other portals."""
        self.query("begin")
        bound = b"".join(struct.pack("!i", len(p.encode())) + p.encode() for p in parameters)
        self._socket.sendall(
            _message(b"P", b"s1\0" + sql.encode() + b"\0\0\0")
            + _message(b"B", b"c1\0s1\0\0\0" + struct.pack("!h", len(parameters)) + bound + b"\0\0")
            + _message(b"E", b"c1\0" + struct.pack("!i", size))
            + _message(b"S", b"")
        )
        found = list(self._answers())
        more = [*between]
        last = found
        while len(last) == size:
            if more:
                self._socket.sendall(
                    _message(b"P", b"\0" + more.pop(0).encode() + b"\0\0\0")
                    + _message(b"B", b"\0\0\0\0\0\0\0\0")
                    + _message(b"E", b"\0\0\0\0\0")
                    + _message(b"S", b"")
                )
                list(self._answers())
            self._socket.sendall(_message(b"E", b"c1\0" + struct.pack("!i", size)) + _message(b"S", b""))
            last = list(self._answers())
            found += last
        self.query("commit")
        return found

    def close(self) -> None:
        self._socket.sendall(_message(b"X", b""))
        self._socket.close()

    def _answers(self) -> Iterator[str]:
        """Rows until the server is ready for the next query, values joined by ``|``."""
        while True:
            kind, body = self._read()
            if kind == b"E":
                text = body.decode(errors="replace")
                raise RuntimeError(f"the server says: {text}")
            if kind == b"D":
                yield "|".join(_values(body))
            if kind == b"Z":
                return

    def _read(self) -> tuple[bytes, bytes]:
        head = self._take(5)
        return head[:1], self._take(struct.unpack("!i", head[1:])[0] - 4)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self._socket.recv(65536)
            if not more:
                raise RuntimeError("the server hung up")
            self._buffer += more
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _values(body: bytes) -> Iterator[str]:
    (count,) = struct.unpack_from("!h", body)
    at = 2
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        yield "" if size < 0 else body[at : at + size].decode()
        at += max(size, 0)
