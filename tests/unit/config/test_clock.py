from datetime import UTC, date, datetime, timedelta

import pytest

from meshwright.config.clock import is_pinned, today
from meshwright.config.load import parse_config
from meshwright.errors import ConfigError


def test_the_day_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-02-28")
    assert today() == date(2026, 2, 28)
    assert is_pinned()


def test_by_default_it_is_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF")
    assert not is_pinned()
    assert abs(today() - datetime.now(UTC).date()) <= timedelta(days=1)


@pytest.mark.parametrize("text", ["2026-02-30", "tomorrow", "20260228", "2026-02-28T00:00:00Z"])
def test_what_is_no_day_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", text)
    with pytest.raises(ConfigError) as refused:
        today()
    assert str(refused.value) == f'MESHWRIGHT_AS_OF is "{text}"; give a date as YYYY-MM-DD (MW-E034)'
    services = [{"name": "cart", "phase": "strict", "since": "2026-01-01"}]
    with pytest.raises(ConfigError, match="MW-E034"):
        parse_config(
            {"kind": "vpc-lattice", "region": "eu-west-1", "network": {"name": "shop"}, "services": services}, []
        )
