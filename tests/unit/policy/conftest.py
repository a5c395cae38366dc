"""All dates are judged by the day of the rules' own examples."""

import pytest

from meshwright_policy.examples import JUDGED_ON


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", JUDGED_ON)
