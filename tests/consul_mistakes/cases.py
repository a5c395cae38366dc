"""The seeded mistakes with Consul and its Vault: files as those of ``tests/istio_mistakes``."""

from pathlib import Path

from tests.istio_mistakes.cases import Mistake

MISTAKES = [Mistake(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))]
