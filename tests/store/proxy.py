"""A wire between the recorder and PostgreSQL that can be cut at the worst moment."""

import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import make_url

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class Wire:
    """Passes bytes both ways. `cut` arms it for the next COMMIT: with "answer" the commit reaches the server and its
    answer is dropped with the connection, with "question" the commit itself is."""

    def __init__(self, folder, server_socket):
        self.path = folder / Path(server_socket).name
        self._server_socket = server_socket
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._armed = None
        self.was_cut = Event()
        self._blocked = Event()
        Thread(target=self._accept, daemon=True).start()

    def cut(self, what, *, then_block=False):
        """`then_block` refuses new connections after the cut until `mend`."""
        self._then_block = then_block
        self._armed = what

    def mend(self):
        self._blocked.clear()

    def close(self):
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._blocked.is_set():
                    client.close()
                    continue
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._server_socket)
        with client, server:
            Thread(target=self._answers, args=(server, client), daemon=True).start()
            with suppress(OSError):
                while data := client.recv(65536):
                    if COMMIT in data and self._armed:
                        if self._armed == "answer":
                            self._dropping = server
                            server.sendall(data)
                            continue  # _answers cuts once the server has answered
                        self._disarm()
                        break
                    server.sendall(data)
            _shut(server, client)

    def _answers(self, server, client):
        with suppress(OSError):
            while data := server.recv(65536):
                if self._armed == "answer" and getattr(self, "_dropping", None) is server:
                    self._disarm()
                    break
                client.sendall(data)
        _shut(server, client)

    def _disarm(self):
        self._armed = self._dropping = None
        if self._then_block:
            self._blocked.set()
        self.was_cut.set()


def _shut(*ends):
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(url, folder):
    """(wire, URL through it)"""
    host = make_url(url).query["host"]
    wire = Wire(folder, f"{host}/.s.PGSQL.5432")
    try:
        yield wire, make_url(url).update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
    finally:
        wire.close()
