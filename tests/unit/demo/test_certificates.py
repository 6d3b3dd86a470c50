"""The embedded site's own certificates."""

from __future__ import annotations

import asyncio
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from neuronhub.demo import certificates
from neuronhub.demo.certificates import SERVERS, ensure_certificates


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_server_is_verified_by_the_sites_ca(tmp_path: Path, server: str, name: str) -> None:
    ensure_certificates(tmp_path)
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(tmp_path / f"{server}.pem", tmp_path / f"{server}.key")
    here = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    here.verify_flags |= ssl.VERIFY_X509_STRICT

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=there) as listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=here, server_hostname=name)
        assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()


def test_certificates_are_kept_until_they_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "VALID", timedelta(days=20))
    ensure_certificates(tmp_path)
    first = (tmp_path / "ca.pem").read_bytes()
    monkeypatch.setattr(certificates, "VALID", timedelta(days=365))
    ensure_certificates(tmp_path)
    second = (tmp_path / "ca.pem").read_bytes()
    assert second != first
    ensure_certificates(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() == second


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    ensure_certificates(tmp_path)
    for server in SERVERS:
        assert stat.S_IMODE((tmp_path / f"{server}.key").stat().st_mode) == 0o600
    assert not (tmp_path / "ca.key").exists()
