"""LinkerdNamespace: the annotations of each phase, and what has to be restarted."""

from typing import Any

import pytest

from meshwright import LinkerdNamespace
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from meshwright.linkerd.namespace import restart
from tests.unit.graphs import inputs, shape, with_provider


def deployed(phase: str, **args: Any) -> Graph:
    given: Any = {"namespace": "shop", "phase": phase, **args}
    return with_provider(lambda opts: LinkerdNamespace("shop", given, opts))


@pytest.mark.parametrize(
    ("phase", "policy"), [("audit", "audit"), ("authenticated", "all-authenticated"), ("deny", "deny")]
)
def test_each_phase_has_its_default_policy(phase: str, policy: str) -> None:
    expected = {"linkerd.io/inject": "enabled", "config.linkerd.io/default-inbound-policy": policy}
    metadata = {"name": "shop", "annotations": expected}
    assert inputs(deployed(phase), "shop-namespace")["metadata"] == metadata


def test_unmeshed_leaves_a_namespace_alone() -> None:
    assert inputs(deployed("unmeshed"), "shop-namespace")["metadata"] == {"name": "shop"}
    assert len(shape(deployed("unmeshed", adopt=True))) == 1
    assert shape(deployed("audit", adopt=True))[1][0] == "kubernetes:core/v1:NamespacePatch"


def test_ports_are_added_to_the_defaults_of_the_chart() -> None:
    skips = [{"ports": [9000], "reason": "the vendor's agent pins its certificate"}]
    injection = {
        "opaque_ports": [4222.0],
        "skip_inbound": skips,
        "skip_outbound": skips,
        "resources": {"cpu_request": "100m", "memory_limit": "250Mi"},
        "native_sidecar": True,
    }
    said = inputs(deployed("audit", injection=injection), "shop-namespace")["metadata"]["annotations"]
    assert said == {
        "linkerd.io/inject": "enabled",
        "config.linkerd.io/default-inbound-policy": "audit",
        "config.linkerd.io/opaque-ports": "25,587,3306,4222,4444,5432,6379,9300,11211",
        "config.linkerd.io/skip-inbound-ports": "4567,4568,9000",
        "config.linkerd.io/skip-outbound-ports": "4567,4568,9000",
        "config.linkerd.io/proxy-cpu-request": "100m",
        "config.linkerd.io/proxy-memory-limit": "250Mi",
        "config.linkerd.io/proxy-enable-native-sidecar": "true",
    }


@pytest.mark.parametrize(
    ("phase", "before", "said"),
    [
        ("deny", "deny", ""),
        ("audit", None, "all workloads of shop, to get proxies"),
        ("unmeshed", "audit", "all workloads of shop, to run without proxies"),
        (
            "deny",
            "authenticated",
            "all workloads of shop, for ports that no Server names: their proxies keep all-authenticated until then",
        ),
    ],
)
def test_what_has_to_be_restarted(phase: str, before: str | None, said: str) -> None:
    args: Any = {"namespace": "shop", "phase": phase} | ({"previous": {"phase": before}} if before else {})
    assert restart(args) == said


@pytest.mark.parametrize(
    ("phase", "args", "message"),
    [
        ("audit", {"namespace": "kube-system"}, "kube-system is not for workloads"),
        ("strict", {}, "the phase 'strict' is unknown"),
        ("audit", {"previous": {"phase": "strict"}}, "the phase 'strict' is unknown"),
        ("unmeshed", {"injection": {"opaque_ports": [1]}}, "injection is for proxies, and the namespace is unmeshed"),
        ("audit", {"injection": {"skip_inbound": [{"ports": [1], "reason": " "}]}}, "skip_inbound[0] has no reason"),
        ("audit", {"injection": {"skip_inbound": [{"ports": [], "reason": "a"}]}}, "skip_inbound[0] has no ports"),
        (
            "audit",
            {"injection": {"opaque_ports": [1], "skip_inbound": [{"ports": [1], "reason": "a"}]}},
            "port 1 is opaque and skipped; keep opaque_ports, which keeps mutual TLS (MW-E204)",
        ),
        ("audit", {"injection": {"resources": {"cpu_request": "much"}}}, "resources has cpu_request: much"),
    ],
)
def test_what_is_refused(phase: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ComponentError) as error:
        deployed(phase, **args)
    assert message in str(error.value)
