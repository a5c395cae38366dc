"""`consul uninstall` on a cluster: a real API server's finalizers and field managers, by `kubectl proxy`."""

import json

import pytest

from meshwright.cli import main
from meshwright.consul import labels
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, Object, manifests
from tests.servers.programs import data_file, require_programs

PULUMI = "pulumi-kubernetes-0a1b2c3d"
KINDS = ("ServiceDefaults", "ServiceIntentions", "Mesh")


def entry(kind: str, name: str) -> Object:
    """A config entry, as it is once the injector has written it into Consul."""
    metadata = {"name": name, "namespace": "shop", "finalizers": [labels.FINALIZER]}
    return {"apiVersion": labels.API_VERSION, "kind": kind, "metadata": metadata}


def test_what_the_injector_holds_is_found(clean_cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    require_programs("kubectl")
    api = clean_cluster.api
    crds = [
        each for each in manifests(data_file("crds", "consul-k8s-2.0.3.yaml")) if each["spec"]["names"]["kind"] in KINDS
    ]
    made = api.apply_all(crds)
    space = api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    theirs = [entry("ServiceDefaults", "web"), entry("ServiceIntentions", "web")]
    for each in theirs:
        api.apply(each, manager="kubectl")
    api.apply(entry("ServiceDefaults", "api"), manager=PULUMI)

    command = ["consul", "uninstall", "--kubeconfig", str(clean_cluster.kubeconfig)]
    assert main([*command, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(each["resource"], each["name"]) for each in said["held"]] == [
        ("serviceintentions.consul.hashicorp.com", "web"),
        ("servicedefaults.consul.hashicorp.com", "web"),
    ]
    assert (said["injectors"], said["gaps"]) == (0, [])

    # What the injector does: Consul has let go.
    for each in [*theirs, entry("ServiceDefaults", "api")]:
        path = api.path(Identity.of(each))
        api.request("PATCH", path, {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")
    assert main(command) == 0
    assert "nothing is in the way of `pulumi destroy`" in capsys.readouterr().out
    api.delete_all([*(Identity.of(each) for each in made), Identity.of(space)])
