"""Fixtures that every test may use: one day for all, and golden files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

GOLDEN = Path(__file__).parent / "golden"
DAY = "2026-11-23"

# The same examples at every run, so that a failure is the change's; `make fuzz` searches for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

Golden = Callable[[str, Mapping[str, bytes]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture(autouse=True)
def _as_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge by one day, so that nothing turns red by the calendar."""
    monkeypatch.setenv("MESHWRIGHT_AS_OF", DAY)


@pytest.fixture(autouse=True)
def _no_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on the clusters that the machine knows."""
    monkeypatch.delenv("KUBECONFIG", raising=False)  # the Kubernetes provider would take it for an input
    monkeypatch.setattr("meshwright.kubernetes.kubeconfig.USUAL", "/nowhere")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare files, by path, with those under `tests/golden/<folder>`: the same paths with the same bytes."""

    def check(folder: str, files: Mapping[str, bytes]) -> None:
        root = GOLDEN / folder
        stored = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
        if request.config.getoption("--update-golden"):
            for name in stored.keys() - files.keys():
                stored[name].unlink()
            for name, content in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
        else:
            expected = {name: path.read_text("utf-8") for name, path in stored.items()}
            assert {name: content.decode() for name, content in files.items()} == expected

    return check
