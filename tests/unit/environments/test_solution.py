"""What reads channels and installs packages: what is said where it cannot even begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuronhub.environments.solution import Source
from neuronhub.errors import EnvironmentFailed


def test_certificates_that_are_missing_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(EnvironmentFailed, match="SSL_CERT_FILE"):
        Source(("https://channel",), {}, tmp_path).open_client()
