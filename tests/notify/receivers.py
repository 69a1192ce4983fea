"""Real receivers on free ports of this machine: a mail server, a web server that misbehaves on demand, a syslog collector."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """Mails that a server took, and its port."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: str = ""  # what it answers to a recipient instead of taking it

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0))
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        time.sleep(0.05)
        pending = asyncio.run_coroutine_threadsafe(_settle(), loop)
        pending.result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _settle() -> None:
    """Lets connections of the server end before its loop does."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.05)


@dataclass
class Web:
    """Requests that a server got (path, headers, body), and how it answers."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    location: str = ""
    delay: float = 0.0  # seconds before it answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            web.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(web.delay)
            try:
                self.send_response(web.status)
                if web.location:
                    self.send_header("Location", web.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # the client did not wait

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@dataclass
class Collector:
    """What a syslog collector got."""

    port: int
    data: bytearray = field(default_factory=bytearray)
    datagrams: list[bytes] = field(default_factory=list)


@contextmanager
def syslog_tcp() -> Iterator[Collector]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        found = Collector(server.getsockname()[1])
        stop = threading.Event()

        def collect() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    while part := connection.recv(65536):
                        found.data += part

        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join(10)


@contextmanager
def syslog_udp() -> Iterator[Collector]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        endpoint.settimeout(0.1)
        found = Collector(endpoint.getsockname()[1])
        stop = threading.Event()

        def collect() -> None:
            while not stop.is_set():
                try:
                    found.datagrams.append(endpoint.recv(65536))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join(10)


def until(condition: Any, seconds: float = 10.0) -> bool:
    """Whether ``condition()`` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())
