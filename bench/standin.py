#!/usr/bin/python3 -IS
"""A stand-in for the Jupyter server: the launcher's contract with the hub and nothing of Jupyter, for measurements.

Runs in the job. Install it as ``bin/python`` of a base: it ignores its arguments and reads the ticket from standard
input, as the launcher does. Standard library only, few modules of it, no site packages: announced after 40 ms.
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
    """Bind, announce in a thread, answer until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda signum, frame: os._exit(0))
    ticket = json.loads(sys.stdin.readline())
    environment, base_url = ticket["environment"], ticket["base_url"]
    token = environment["JUPYTERHUB_API_TOKEN"]
    listener = socket.create_server((os.environ["SLURMD_NODENAME"], 0), backlog=128)
    address, port = listener.getsockname()
    hub = (environment["JUPYTERHUB_API_URL"], token, address, port)
    threading.Thread(target=announce, args=hub, daemon=True).start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, base_url, token, port), daemon=True).start()


def announce(api_url: str, token: str, address: str, port: int) -> None:
    """POST the port to the hub from the node's address, until it is there; end where it says no."""
    host, _, path = api_url.removeprefix("http://").partition("/")
    name, _, hub_port = host.partition(":")
    body = json.dumps({"port": port})
    request = (
        f"POST /{path}/neuronhub/announce HTTP/1.1\r\nHost: {host}\r\nAuthorization: token {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    while True:
        try:
            with socket.create_connection((name, int(hub_port or 80)), HUB_LIMIT_S, (address, 0)) as connection:
                connection.sendall(request.encode())
                status = connection.recv(65536)[9:12]
        except OSError:
            status = b""
        if status.startswith(b"2"):
            print("announced", flush=True)
            return
        if status.startswith(b"4"):
            os._exit(77)
        time.sleep(0.25)


def serve(connection: socket.socket, base_url: str, token: str, port: int) -> None:
    """Answer the requests of one connection: the hub's poll, its question for a proof, 404 for the rest."""
    with connection:
        buffer = b""
        while data := connection.recv(65536):
            buffer += data
            while b"\r\n\r\n" in buffer:
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                path, _, query = head.split(b" ", 2)[1].decode().removeprefix(base_url).partition("?")
                status, answer = "200 OK", {"version": "0"}
                if path == "neuronhub/proof":
                    answer = {"proof": make_proof(token, query.removeprefix("nonce="), port)}
                elif path.strip("/") != "api":
                    status, answer = "404 Not Found", {}
                body = json.dumps(answer)
                connection.sendall(
                    f"HTTP/1.1 {status}\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )


def make_proof(token: str, nonce: str, port: int) -> str:
    """Make what neuronhub.protocol.make_proof makes; its module is not imported, to save the time."""
    import hmac

    return hmac.new(token.encode(), f"neuronhub-proof:{nonce}:{port}".encode(), "sha256").hexdigest()


if __name__ == "__main__":
    main()
