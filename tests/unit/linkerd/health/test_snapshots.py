"""What becomes of a cluster and of a graph: only what the checks look at, and no private key."""

from __future__ import annotations

from typing import Any

from meshwright.engine.graph import UNKNOWN, Graph
from meshwright.health.verdicts import Verdict, ask
from meshwright.kubernetes.reading import ReadError
from meshwright.linkerd.health import from_cluster, from_graph
from meshwright.linkerd.health.catalogue import CHECKS
from meshwright.linkerd.health.kinds import KINDS, SECOND
from tests.unit.istio.health.test_snapshots import FakeReader, resource

PLACE = "/api/v1/namespaces/linkerd"


def snapshot(answers: dict[str, Any]) -> tuple[Any, FakeReader]:
    reader = FakeReader(answers)
    return from_cluster.snapshot_of(reader, {"shop": "deny"}), reader  # type: ignore[arg-type]


def test_only_linkerds_secrets_are_read_and_of_them_only_certificates_are_kept() -> None:
    about = {"namespace": "linkerd", "name": "linkerd-identity-issuer", "annotations": {"last-applied": "cHJpdmF0ZQ=="}}
    data = {"tls.crt": "cHVibGlj", "tls.key": "cHJpdmF0ZQ==", "key.pem": "cHJpdmF0ZQ==", "ca.crt": "Y2E="}
    found, reader = snapshot({f"{PLACE}/secrets/linkerd-identity-issuer": {"metadata": about, "data": data}})
    metadata = {"namespace": "linkerd", "name": "linkerd-identity-issuer"}
    assert found.of("Secret") == ({"kind": "Secret", "metadata": metadata, "data": {"tls.crt": "cHVibGlj"}},)
    assert "cHJpdmF0ZQ==" not in repr(found)
    assert [path for path, _, _ in reader.asked if "secrets" in path] == [
        f"{PLACE}/secrets/linkerd-{each}"
        for each in ("identity-issuer", "proxy-injector-k8s-tls", "sp-validator-k8s-tls", "policy-validator-k8s-tls")
    ]
    assert found.phases == {"shop": "deny"}
    assert {path for path, _, _ in reader.asked} >= {kind.path for kind in KINDS.values()}


def test_what_viz_serves_is_read_where_its_webhook_is() -> None:
    hook = {"metadata": {"name": "linkerd-tap-injector-webhook-config"}}
    about = {"namespace": "linkerd-viz", "name": "tap-k8s-tls"}
    viz = "/api/v1/namespaces/linkerd-viz/secrets"
    tap = {"metadata": {"name": "v1alpha1.tap.linkerd.io"}, "spec": {}}
    answers = {
        f"{viz}/tap-k8s-tls": {"metadata": about, "data": {"tls.crt": "cHVibGlj", "tls.key": "cHJpdmF0ZQ=="}},
        "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.tap.linkerd.io": tap,
    }
    without, _ = snapshot(answers)
    assert (without.of("Secret"), without.of("APIService")) == ((), ())
    found, reader = snapshot({**answers, KINDS["MutatingWebhookConfiguration"].path: [hook]})
    assert found.of("Secret") == ({"kind": "Secret", "metadata": about, "data": {"tls.crt": "cHVibGlj"}},)
    assert found.of("APIService") == ({"kind": "APIService", **tap},)
    assert f"{viz}/tap-injector-k8s-tls" in [path for path, _, _ in reader.asked]


def test_routes_of_both_groups_are_one_kind_and_events_are_those_of_the_issuer() -> None:
    route, other = ({"metadata": {"namespace": "shop", "name": name}} for name in ("one", "two"))
    told, any_other = ({"reason": each, "metadata": {"name": "a"}} for each in ("IssuerUpdated", "Pulled"))
    found, _ = snapshot(
        {
            KINDS["HTTPRoute"].path: [route],
            SECOND["HTTPRoute"].path: [other],
            f"{PLACE}/events": [told, any_other],
        }
    )
    assert [each["metadata"]["name"] for each in found.of("HTTPRoute")] == ["one", "two"]
    assert found.of("Event") == ({"kind": "Event", **told},)


def test_what_is_forbidden_is_a_gap_and_no_check_passes_for_it() -> None:
    no = ReadError(403, "forbidden")
    names = ("linkerd-config", "linkerd-identity-issuer")
    paths = [each.path for each in (*KINDS.values(), *SECOND.values())] + [f"{PLACE}/events"]
    paths += [f"{PLACE}/{plural}/{name}" for plural in ("configmaps", "secrets") for name in names]
    found, _ = snapshot(dict.fromkeys(paths, no))
    assert found.gaps.keys() >= {"Secret", "ConfigMap", "Event", "Pod", "HTTPRoute"}
    assert {each.id: ask(each, found).verdict for each in CHECKS} == {each.id: Verdict.UNKNOWN for each in CHECKS}


def test_a_graphs_routes_of_both_groups_are_taken_and_its_phases() -> None:
    graph = Graph(
        "test",
        "dev",
        "organization",
        (
            resource("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "one", metadata={"name": "one"}),
            resource("kubernetes:policy.linkerd.io/v1beta3:HTTPRoute", "two", metadata={"name": "two"}),
            resource("kubernetes:core/v1:Secret", "s", metadata={"name": "linkerd-identity-issuer"}),
            resource("meshwright:index:LinkerdNamespace", "shop", namespace="shop", phase="audit"),
            resource("meshwright:index:LinkerdNamespace", "other", namespace="other", phase=UNKNOWN),
        ),
    )
    found = from_graph.snapshot_of(graph)
    assert [each["metadata"]["name"] for each in found.of("HTTPRoute")] == ["one", "two"]
    assert found.of("Secret") == ()
    assert found.phases == {"shop": "audit"}
