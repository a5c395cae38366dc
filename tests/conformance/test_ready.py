"""A real Prometheus says whether a namespace may go strict: on evidence, or not at all."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshwright.cli import main
from meshwright.istio.readiness.prometheus import Prometheus as Client
from meshwright.istio.readiness.strict import Readiness, Verdict, judge
from tests.servers.programs import require_programs
from tests.servers.prometheus import Prometheus, Series

NOW = 1_790_000_000
DAY, HOUR = 24, 3600
STEP = 60
OPENED, RECEIVED = "istio_tcp_connections_opened_total", "istio_tcp_received_bytes_total"


def scraped(hours: int = DAY + 2, missing: Iterable[int] = ()) -> Series:
    """ztunnel's own metric, minute by minute, without some hours."""
    gone = set(missing)
    samples = [
        (at, 1.0) for at in range(NOW - hours * HOUR, NOW + 1, STEP) if (NOW - at) // HOUR not in gone or at == NOW
    ]
    return Series("istio_build", {"component": "ztunnel"}, samples)


def calls(
    source: str, policy: str, values: Iterable[tuple[float, float]], *, name: str = OPENED, to: str = "cart"
) -> Series:
    """Connections (or bytes) of a caller, each value from its hour before now on, every minute until the next."""
    points = [(NOW - hour * HOUR, value) for hour, value in values]
    namespace, _, workload = source.rpartition("/")
    labels = {
        "reporter": "destination",
        "source_workload_namespace": namespace or "unknown",
        "source_workload": workload,
        "destination_workload_namespace": "shop",
        "destination_workload": to,
        "connection_security_policy": policy,
    }
    samples = []
    for (start, value), (end, _) in zip(points, [*points[1:], (NOW + STEP, 0.0)], strict=True):
        samples += [(at, value) for at in range(int(start), int(end), STEP)]
    return Series(name, labels, samples)


MESHED = calls("web/web", "mutual_tls", [(26, 10), (12, 500), (1, 900)])


@contextmanager
def prometheus(folder: Path, *series: Series) -> Iterator[str]:
    require_programs("prometheus", "promtool")
    with Prometheus(folder, series) as server:
        yield server.url


def judged(folder: Path, *series: Series, workloads: tuple[str, ...] = ()) -> Readiness:
    with prometheus(folder, *series) as url:
        return judge(lambda promql: Client(url).query(promql, NOW), "shop", DAY, workloads)


def whats(found: Readiness) -> list[str]:
    return [each.what for each in found.findings]


def test_traffic_and_no_plaintext_is_ready(tmp_path: Path) -> None:
    old = calls("legacy/report", "unknown", [(40, 3), (26, 3)])  # plaintext, before the window
    found = judged(tmp_path, scraped(), MESHED, old, workloads=("cart",))
    assert (found.verdict, whats(found)) == (Verdict.READY, [])
    assert found.connections == pytest.approx(890, rel=0.05)
    assert found.workloads == ("cart",)


def test_a_caller_that_came_once_and_left_is_named(tmp_path: Path) -> None:
    """`increase` alone says 0 of a series that begins at 1 and stays there."""
    with prometheus(tmp_path, scraped(), MESHED, calls("jobs/nightly", "unknown", [(9, 1), (8, 1)])) as url:
        client = Client(url)
        gone = client.query(f'sum(increase({OPENED}{{connection_security_policy="unknown"}}[24h]))', NOW)
        assert [each.value for each in gone] == [0.0]
        found = judge(lambda promql: client.query(promql, NOW), "shop", DAY)
    assert found.verdict is Verdict.NOT_READY
    assert whats(found) == ["jobs/nightly calls cart in plaintext, once in 24 hours"]


def test_callers_in_order_and_those_without_a_name(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        scraped(),
        MESHED,
        calls("web/old", "unknown", [(26, 100), (10, 160)]),
        calls("unknown", "unknown", [(5, 4)], to="pay"),
    )
    assert found.verdict is Verdict.NOT_READY
    assert whats(found) == [
        "web/old calls cart in plaintext, 60 times in 24 hours",
        "somebody from outside of the cluster, or without a workload, calls pay in plaintext, 4 times in 24 hours",
    ]


def test_an_old_plaintext_connection_that_still_speaks(tmp_path: Path) -> None:
    opened = calls("web/pool", "unknown", [(40, 1)])
    speaks = Series(RECEIVED, opened.labels, [(at, float(at - NOW + 7200)) for at in range(NOW - 7200, NOW + 1, STEP)])
    found = judged(tmp_path, scraped(), MESHED, opened, speaks)
    assert found.verdict is Verdict.NOT_READY
    assert whats(found) == ["web/pool calls cart over a plaintext connection that is open now"]


def test_pods_that_wait_to_be_captured(tmp_path: Path) -> None:
    pending = Series("workload_manager_pending_proxy_count", {"pod": "ztunnel-a"}, [(NOW - 60, 2.0), (NOW, 2.0)])
    found = judged(tmp_path, scraped(), MESHED, pending)
    assert found.verdict is Verdict.NOT_READY
    assert whats(found) == ["2 pods of the cluster wait to be captured"]


def test_no_traffic_is_no_proof(tmp_path: Path) -> None:
    found = judged(tmp_path, scraped())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert whats(found) == ["no connection to shop was seen in 24 hours"]


def test_a_workload_that_nobody_called(tmp_path: Path) -> None:
    found = judged(tmp_path, scraped(), MESHED, workloads=("cart", "fraud"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert whats(found) == ["fraud accepted no connection in 24 hours"]


def test_metrics_that_are_missing_are_no_proof(tmp_path: Path) -> None:
    young = judged(tmp_path / "young", scraped(hours=6), calls("web/web", "mutual_tls", [(6, 1), (1, 90)]))
    holes = judged(tmp_path / "holes", scraped(missing=range(5, 15)), MESHED)
    assert (young.verdict, holes.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    assert whats(young)[0] in (
        "ztunnel was scraped in 6 of the last 24 hours",
        "ztunnel was scraped in 7 of the last 24 hours",
    )
    assert whats(holes)[0].startswith("ztunnel was scraped in 1")
    worse = judged(tmp_path / "worse", scraped(hours=6), calls("jobs/nightly", "unknown", [(2, 1)]))
    assert worse.verdict is Verdict.NOT_READY


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.cli.istio_ready.time.time", lambda: float(NOW))
    with prometheus(tmp_path, scraped(), MESHED, calls("jobs/nightly", "unknown", [(9, 1)])) as url:
        ask = ["istio", "ready", "shop", "--prometheus", url, "--window", "1d"]
        assert main(ask) == 1
        said = capsys.readouterr().out
        assert main([*ask, "--json"]) == 1
        content = json.loads(capsys.readouterr().out)
        assert main(["istio", "ready", "empty", "--prometheus", url, "--window", "24h"]) == 3
    assert said.splitlines()[0].startswith("✗ shop: not ready for strict mutual TLS")
    assert "  ✗ jobs/nightly calls cart in plaintext, once in 24 hours" in said.splitlines()
    assert (content["verdict"], content["window_hours"], content["workloads"]) == ("not ready", 24, ["cart"])
    assert [each["what"] for each in content["findings"]] == ["jobs/nightly calls cart in plaintext, once in 24 hours"]
