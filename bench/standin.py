#!/usr/bin/python3 -IS
"""A tiny program in the place of the Jupyter server, so that hub and Slurm are measured alone.

Runs in the job. As ``bin/python`` of a base it keeps to the launcher's contract, whatever its arguments say: ticket,
proof, announcement. With the word ``batchspawner`` it keeps to that one's; with ``fixed ADDRESS PORT`` it only serves.
Standard library only, few modules of it, no site packages: announced after 40 ms.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time

HUB_LIMIT_S = 30.0


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda signum, frame: os._exit(0))
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind == "fixed":
        serve_all(socket.create_server((sys.argv[2], int(sys.argv[3])), backlog=128), "")
    elif kind == "batchspawner":
        start(dict(os.environ), "batchspawner")
    else:
        start(json.loads(sys.stdin.readline())["environment"], "neuronhub/announce")


def start(environment: dict[str, str], path: str) -> None:
    """Bind a port of the node's own address, tell it to the hub at ``path`` of its API, and serve there."""
    listener = socket.create_server((os.environ["SLURMD_NODENAME"], 0), backlog=128)
    address, port = listener.getsockname()
    token = environment["JUPYTERHUB_API_TOKEN"]
    url = f"{environment['JUPYTERHUB_API_URL']}/{path}"
    threading.Thread(target=announce, args=(url, token, address, port), daemon=True).start()
    serve_all(listener, token)


def announce(url: str, token: str, address: str, port: int) -> None:
    """POST the port to the hub from the node's address, until it is there; end where it says no."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, hub_port = host.partition(":")
    body = json.dumps({"port": port})
    request = (
        f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: token {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    while True:
        try:
            with socket.create_connection((name, int(hub_port or 80)), HUB_LIMIT_S, (address, 0)) as connection:
                connection.sendall(request.encode())
                status = connection.recv(65536)[9:12]
        except OSError as error:
            status = str(error).encode()
        print("announced:", status, flush=True)
        if status.startswith(b"2"):
            return
        if status.startswith(b"4"):
            os._exit(77)
        time.sleep(0.25)


def serve_all(listener: socket.socket, token: str) -> None:
    """Answer everybody, each connection in a thread."""
    port = listener.getsockname()[1]
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, token, port), daemon=True).start()


def serve(connection: socket.socket, token: str, port: int) -> None:
    """Answer the requests of one connection: the hub's question for a proof, a version for everything else."""
    with connection:
        buffer = b""
        while data := connection.recv(65536):
            buffer += data
            while b"\r\n\r\n" in buffer:
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                connection.sendall(answer(head.split(b" ", 2)[1].decode(), token, port))


def answer(target: str, token: str, port: int) -> bytes:
    """The answer to ``GET target``."""
    path, _, query = target.partition("?")
    content = {"version": "0"}
    if path.endswith("/neuronhub/proof"):
        content = {"proof": make_proof(token, query.removeprefix("nonce="), port)}
    body = json.dumps(content)
    head = "HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def make_proof(token: str, nonce: str, port: int) -> str:
    """Make what neuronhub.protocol.make_proof makes; its module is not imported, to save the time."""
    import hmac

    return hmac.new(token.encode(), f"neuronhub-proof:{nonce}:{port}".encode(), "sha256").hexdigest()


if __name__ == "__main__":
    main()
