from __future__ import annotations

import json

from bench import standin

from neuronhub.protocol import PROOF_PATH, make_proof


def test_the_stand_in_proves_itself_as_the_protocol_says() -> None:
    answer = standin.answer(f"/user/alice/{PROOF_PATH}?nonce=00ff", "a token", 4711)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body) == {"proof": make_proof("a token", "00ff", 4711)}


def test_the_stand_in_answers_where_jupyter_tells_its_version() -> None:
    head, _, body = standin.answer("/user/alice/api", "a token", 4711).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert set(json.loads(body)) == {"version"}
