"""The guard around the tests holds."""

from __future__ import annotations

import socket

import pytest


def test_there_is_no_way_out() -> None:
    with pytest.raises(socket.gaierror, match="no network"):
        socket.create_connection(("vendorwatch.example", 443))
    with pytest.raises(ConnectionRefusedError, match="no network"), socket.socket() as client:
        client.connect(("192.0.2.1", 443))


def test_this_machine_stays_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"x")
        with server.accept()[0] as accepted:
            assert accepted.recv(1) == b"x"
