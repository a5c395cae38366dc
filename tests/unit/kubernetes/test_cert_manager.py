"""cert-manager and trust-manager, as a stack installs them."""

from typing import Any

import pytest

from meshwright import CertManager
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, with_provider


def made(**args: Any) -> Graph:
    return with_provider(lambda opts: CertManager("cm", args, opts))  # type: ignore[arg-type]


def test_what_is_installed_and_in_which_order() -> None:
    graph = made(labels={"a": "b"})
    assert inputs(graph, "cm-namespace")["metadata"] == {"name": "cert-manager", "labels": {"a": "b"}}
    issuing, trusting = inputs(graph, "cm-release"), inputs(graph, "cm-trust-manager")
    assert (issuing["chart"], issuing["version"]) == ("oci://quay.io/jetstack/charts/cert-manager", "v1.21.1")
    assert (trusting["chart"], trusting["version"]) == ("oci://quay.io/jetstack/charts/trust-manager", "v0.24.0")
    assert issuing["values"] == {
        "crds": {"enabled": True, "keep": True},
        "global": {"leaderElection": {"namespace": "cert-manager"}},
        "enableCertificateOwnerRef": False,
        "replicaCount": 2,
        "podDisruptionBudget": {"enabled": True},
        "webhook": {"replicaCount": 3, "podDisruptionBudget": {"enabled": True}},
        "cainjector": {"replicaCount": 2, "podDisruptionBudget": {"enabled": True}},
    }
    assert trusting["values"]["app"] == {"trust": {"namespace": "cert-manager"}, "webhook": {"port": 10250}}
    assert "cm-namespace" in names(find(graph, "cm-release").dependencies)
    assert "cm-release" in names(find(graph, "cm-trust-manager").dependencies)


def test_one_of_each_with_values_of_yours() -> None:
    graph = made(
        namespace="certs",
        adopt_namespace=True,
        high_availability=False,
        charts={"source": "repository"},
        values={"trust_manager": {"app": {"logLevel": 2}}},
    )
    assert find(graph, "cm-namespace").type == "kubernetes:core/v1:NamespacePatch"
    assert "replicaCount" not in inputs(graph, "cm-release")["values"]
    assert inputs(graph, "cm-release")["repositoryOpts"] == {"repo": "https://charts.jetstack.io"}
    app = inputs(graph, "cm-trust-manager")["values"]["app"]
    assert app == {"trust": {"namespace": "certs"}, "webhook": {"port": 10250}, "logLevel": 2}


@pytest.mark.parametrize(
    ("charts", "code"), [({"source": "ftp"}, "MW-E053"), ({"source": "path", "address": "nowhere"}, "MW-E052")]
)
def test_charts_that_can_not_be_had(charts: Any, code: str) -> None:
    with pytest.raises(ComponentError, match=code):
        made(charts=charts)
