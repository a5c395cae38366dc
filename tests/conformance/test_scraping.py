"""What is scraped is what Istio's charts run: the pods' labels, the ports' names and numbers, and istiod's metrics."""

import mmap
import re
from pathlib import Path

import pytest

from meshwright.istio.observability.alerts import alerts
from meshwright.istio.observability.dashboards import DASHBOARDS
from meshwright.istio.observability.scraping import Job, jobs
from tests.servers import helm
from tests.servers.programs import find_program, require_programs

CHARTS = {"istiod": ("istiod", 15014), "ztunnel": ("ztunnel", 15020), "istio-cni": ("cni", 15014)}
JOBS = {job.name: job for job in jobs("istio-system", "istio-system")}
OF_ISTIOD = re.compile(r"\b(?:pilot|citadel)_[a-z_]+")


@pytest.mark.parametrize("name", CHARTS)
def test_the_charts_pods_have_the_labels_and_the_port(name: str) -> None:
    require_programs("helm")
    chart, number = CHARTS[name]
    values = {"profile": "ambient"} if chart != "ztunnel" else {}
    objects = helm.objects(helm.template(helm.istio_chart(chart), name, "istio-system", values))
    (pods,) = [each["spec"]["template"] for each in objects if each["kind"] in ("Deployment", "DaemonSet")]
    job: Job = JOBS[name]
    assert job.pods.items() <= pods["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for each in pods["spec"]["containers"] for port in each["ports"]}
    assert ports[job.port] == number


def test_the_waypoints_template_has_the_labels_and_the_port() -> None:
    template = (helm.istio_chart("istiod") / "files" / "waypoint.yaml").read_text("utf-8")
    job = JOBS["waypoint"]
    assert all(f'"{label}" .GatewayClass' in template for label in job.pods)
    assert re.search(rf"- containerPort: 15020\s+name: {job.port}\n", template)
    assert f'"prometheus.io/path" "{job.path}"' in template


def test_istiod_knows_the_metrics_that_we_ask_for() -> None:
    require_programs("pilot-discovery")
    expressions = [
        *(alert.expr for alert in alerts()),
        *(query.expr for dashboard in DASHBOARDS for query in dashboard.queries()),
    ]
    named = {name.removesuffix("_bucket") for text in expressions for name in OF_ISTIOD.findall(text)}
    named -= {"citadel_server_"}  # the beginning of a pattern
    assert len(named) >= 8
    with Path(find_program("pilot-discovery")).open("rb") as file:
        program = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert [name for name in sorted(named) if program.find(name.encode()) < 0] == []
