"""`make testdata` fetches what is missing, whole or not at all."""

import importlib.util
from pathlib import Path
from typing import Any

from tests.servers.programs import CHECKOUT


def _module() -> Any:
    spec = importlib.util.spec_from_file_location("testdata", CHECKOUT / "tools" / "testdata.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_what_is_missing_is_fetched_and_broken_files_are_not_written(tmp_path: Path) -> None:
    tool, asked = _module(), []
    there = tmp_path / "crds" / "istio-1.31.yaml"
    there.parent.mkdir()
    there.write_text("mine")

    def download(address: str) -> bytes:
        asked.append(address)
        if "cert-manager.crds" in address:
            raise OSError("no route to host")
        return b"{" if "trust.cert-manager.io_bundles" in address else b"a: 1\n"

    failed = tool.fetch(tmp_path, download)
    assert len(asked) == len(tool.SOURCES) - 1
    assert [line.partition(":")[0] for line in failed] == [
        "crds/cert-manager-1.21.1.yaml",
        "crds/trust-manager-0.24.0.yaml",
    ]
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == tool.SOURCES.keys() - {line.partition(":")[0] for line in failed}
    assert there.read_text() == "mine"
    assert tool.fetch(tmp_path, lambda _: b"a: 1\n") == []
