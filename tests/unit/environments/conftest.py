from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.environments.handmade import make_base, make_layout

from neuronhub.environments.bases import Base
from neuronhub.environments.layout import Layout
from neuronhub.environments.operations import ensure_environment


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


@pytest.fixture
def base(layout: Layout) -> Base:
    return make_base(layout.bases, "1")


@pytest.fixture
def made(layout: Layout, base: Base) -> Layout:
    ensure_environment(layout, lambda _progress: None)
    return layout
