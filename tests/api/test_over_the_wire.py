"""What only a real server on a socket shows: bodies that don't end, headers that servers add, clients that leave."""

import socket
import threading

import httpx
import pytest
import uvicorn

PIECE = b"x" * 65_536


@pytest.fixture(scope="module")
def server(house, wait_until):
    """(host, port) of the application behind uvicorn."""
    config = uvicorn.Config(
        house.app,
        host="127.0.0.1",
        port=0,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    wait_until(lambda: running.started, "uvicorn did not start")
    yield running.servers[0].sockets[0].getsockname()
    running.should_exit = True
    thread.join(30)


def request_line(clinician, client_id, *headers):
    token = clinician.headers()["Authorization"]
    lines = [
        f"POST /v1/clients/{client_id}/sessions HTTP/1.1",
        "Host: localhost",
        f"Authorization: {token}",
        "Content-Type: application/json",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def status_line(connection):
    return connection.makefile("rb").readline().decode().strip()


def test_endless_body_is_refused_while_it_is_being_sent(server, clinician, client_id):
    with socket.create_connection(server, timeout=30) as connection:
        connection.sendall(request_line(clinician, client_id, "Transfer-Encoding: chunked"))
        for _ in range(20):
            connection.sendall(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        # The body goes on; the answer is there already.
        assert status_line(connection) == "HTTP/1.1 413 Request Entity Too Large"


def test_body_whose_stated_length_is_too_long_is_refused_before_it_is_sent(server, clinician, client_id):
    with socket.create_connection(server, timeout=30) as connection:
        connection.sendall(request_line(clinician, client_id, "Content-Length: 10000000"))
        assert status_line(connection) == "HTTP/1.1 413 Request Entity Too Large"


def test_stranger_is_refused_before_the_body_is_sent(server, client_id):
    with socket.create_connection(server, timeout=30) as connection:
        connection.sendall(
            f"POST /v1/clients/{client_id}/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".encode()
        )
        assert status_line(connection) == "HTTP/1.1 401 Unauthorized"


def test_caller_who_leaves_in_the_middle_of_a_body_writes_nothing(house, server, clinician, client_id):
    clinician.headers()
    before = house.system.recorder.last_position()
    with socket.create_connection(server, timeout=30) as connection:
        connection.sendall(request_line(clinician, client_id, "Content-Length: 1000") + b'{"took_place":')
    with httpx.Client(base_url=f"http://{server[0]}:{server[1]}", timeout=30) as http:
        assert http.get("/livez").status_code == 200
    assert house.system.recorder.last_position() == before


def test_answers_do_not_name_the_server(server):
    with httpx.Client(base_url=f"http://{server[0]}:{server[1]}", timeout=30) as http:
        assert "server" not in http.get("/livez").headers


def test_connection_is_kept_for_the_next_request(server, clinician):
    with httpx.Client(base_url=f"http://{server[0]}:{server[1]}", timeout=30) as http:
        for _ in range(3):
            assert http.get("/v1/me", headers=clinician.headers()).status_code == 200
