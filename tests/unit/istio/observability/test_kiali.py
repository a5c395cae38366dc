"""The recorded graph of Kiali: its release and values, and what is refused."""

from typing import Any

import pytest

from meshwright import Kiali
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider

PROMETHEUS = "http://prometheus.monitoring:9090"
KEY = {"name": "kiali-login", "key": "key"}


def kiali(**args: Any) -> Graph:
    given: Any = {"prometheus_url": PROMETHEUS, "login_key": KEY, **args}
    return with_provider(lambda opts: Kiali("k", given, opts))


def test_a_release_that_people_log_in_to_and_only_look_at() -> None:
    graph = kiali()
    assert shape(graph) == [
        ("meshwright:index:Kiali", "k", "test-dev"),
        ("kubernetes:helm.sh/v3:Release", "k-release", "k"),
    ]
    release = inputs(graph, "k-release")
    assert {key: release[key] for key in ("name", "namespace", "chart", "version", "repositoryOpts")} == {
        "name": "kiali",
        "namespace": "istio-system",
        "chart": "kiali-server",
        "version": "2.31.0",
        "repositoryOpts": {"repo": "https://kiali.org/helm-charts"},
    }
    assert release["values"] == {
        "auth": {"strategy": "token"},
        "deployment": {"instance_name": "kiali", "view_only_mode": True},
        "external_services": {
            "istio": {"root_namespace": "istio-system"},
            "prometheus": {"url": PROMETHEUS},
            "grafana": {"enabled": False},
            "tracing": {"enabled": False},
        },
        "login_token": {"signing_key": "secret:kiali-login:key"},
    }


def test_what_else_it_shows_and_values_of_ones_own() -> None:
    grafana = {"internal_url": "http://grafana.monitoring", "external_url": "https://grafana.example"}
    tracing = {"provider": "tempo", "internal_url": "http://tempo.tracing:3200"}
    graph = kiali(
        namespace="kiali",
        istio_namespace="mesh",
        grafana=grafana,
        tracing=tracing,
        values={"deployment": {"replicas": 2}},
    )
    release = inputs(graph, "k-release")
    services = release["values"]["external_services"]
    assert release["namespace"] == "kiali"
    assert release["values"]["deployment"] == {"instance_name": "kiali", "view_only_mode": True, "replicas": 2}
    assert services["istio"] == {"root_namespace": "mesh"}
    assert services["grafana"] == {"enabled": True, **grafana}
    assert services["tracing"] == {"enabled": True, **tracing}


def test_whoever_is_anonymous_needs_no_session() -> None:
    given: Any = {"prometheus_url": PROMETHEUS, "auth": "anonymous"}
    graph = with_provider(lambda opts: Kiali("k", given, opts))
    assert "login_token" not in inputs(graph, "k-release")["values"]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            {"auth": "basic"},
            "auth 'basic' is unknown; one of: token, openid, openshift, header, anonymous (MW-E050)",
        ),
        (
            {"auth": "anonymous", "view_only": False},
            "anonymous people could change the mesh; leave view_only on, or choose another auth (MW-E050)",
        ),
        (
            {"tracing": {"provider": "zipkin", "internal_url": "http://z.t:9411"}},
            "the provider of traces 'zipkin' is unknown; one of: jaeger, tempo (MW-E050)",
        ),
        (
            {"charts": {"source": "oci"}},
            "kiali-server 2.31.0 is not published as oci; use the source 'repository' (MW-E053)",
        ),
    ],
)
def test_what_cannot_work_is_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as refused:
        kiali(**args)
    assert line in str(refused.value)


def test_sessions_are_signed_by_a_secret_that_is_named() -> None:
    given: Any = {"prometheus_url": PROMETHEUS}
    with pytest.raises(ComponentError) as refused:
        with_provider(lambda opts: Kiali("k", given, opts))
    assert str(refused.value) == (
        "Kiali k: auth is token, and nothing signs people's sessions; name a Secret and its key in login_key (MW-E050)"
    )
