"""What a cluster runs on, told by kubeconfigs as the platforms' tools write them, and by any other."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwright.kubernetes.detection import Evidence, evidence
from meshwright.kubernetes.kubeconfig import Target, find_target, read_kubeconfigs

EKS_HOST = "https://0A1B.gr7.eu-west-1.eks.amazonaws.com"
AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"


def kubeconfig(
    server: str = "https://10.0.0.1", name: str = "prod", plugin: tuple[str, ...] = (), cluster: str = "c"
) -> dict[str, Any]:
    login = {"exec": {"command": plugin[0], "args": list(plugin[1:])}} if plugin else {}
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": cluster, "user": "u"}}],
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
        "users": [{"name": "u", "user": login}],
    }


def detected(config: dict[str, Any], context: str | None = None) -> Evidence | None:
    return next(iter(evidence(find_target([config], context))), None)


@pytest.mark.parametrize(
    ("server", "platform"),
    [
        (EKS_HOST, "eks"),
        ("https://0A1B.sk1.cn-north-1.eks.amazonaws.com.cn:443", "eks"),
        ("https://0a1b.gr7.eks-cluster.eu-west-1.api.aws", "eks"),
        ("https://gke-0a1b-123.europe-west1.gke.goog", "gke"),
        ("https://shop-dns-0a1b.hcp.westeurope.azmk8s.io:443", "aks"),
        ("https://shop-dns-0a1b.hcp.usgovvirginia.cx.aks.containerservice.azure.us:443", "aks"),
        ("https://api.shop.0a1b.p1.openshiftapps.com.:6443", "openshift"),
        ("https://api.shop.westeurope.aroapp.io:6443", "openshift"),
    ],
)
def test_a_host_is_plain(server: str, platform: str) -> None:
    found = detected(kubeconfig(server, name="kind-dev", plugin=("aws-iam-authenticator", "token")))
    assert found is not None
    assert (found.platform, found.is_plain) == (platform, True)
    assert found.by.startswith("the host ")


@pytest.mark.parametrize(
    ("plugin", "platform", "is_plain"),
    [
        (("aws", "--region", "eu-west-1", "eks", "get-token", "--cluster-name", "shop"), "eks", True),
        (("aws-vault", "exec", "prod", "--", "/usr/bin/aws", "eks", "get-token"), "eks", True),
        ((r"C:\aws\aws.exe", "eks", "get-token"), "eks", True),
        (("aws-iam-authenticator", "token", "-i", "shop"), "eks", False),
        (("/opt/google/gke-gcloud-auth-plugin",), "gke", True),
        (("kubelogin", "get-token", "--server-id", AKS_SERVER), "aks", True),
        (("kubelogin", "get-token", "--login", "azurecli"), "aks", False),
    ],
)
def test_a_plugin(plugin: tuple[str, ...], platform: str, is_plain: bool) -> None:
    found = detected(kubeconfig(name="minikube", plugin=plugin))
    assert found is not None
    assert (found.platform, found.is_plain) == (platform, is_plain)


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("gke_shop-prod_europe-west1-b_prod", "gke"),
        ("arn:aws:eks:eu-west-1:123456789012:cluster/prod", "eks"),
        ("kind-dev", "kind"),
        ("k3d-dev", "k3d"),
        ("minikube", "minikube"),
        ("microk8s", "microk8s"),
    ],
)
def test_a_name_is_not_plain(name: str, platform: str) -> None:
    assert detected(kubeconfig(name=name)) == (platform, f"the context's name {name}", False)
    assert detected(kubeconfig(cluster=name)) == (platform, f"the cluster's name {name}", False)


@pytest.mark.parametrize(
    "config",
    [
        {},
        kubeconfig(),
        kubeconfig("https://[::1"),
        kubeconfig("https://eks.amazonaws.com.example.org"),
        kubeconfig("https://eks.amazonaws.com"),
        kubeconfig(plugin=("kubelogin", "get-token", "--oidc-issuer-url=https://id.example")),
        kubeconfig(plugin=("aws", "sts", "get-token")),
        kubeconfig(name="my-kind-dev"),
        kubeconfig(name="minikube-of-mine"),
        kubeconfig(name="gke_prod"),
    ],
)
def test_what_says_nothing(config: dict[str, Any]) -> None:
    assert detected(config) is None


def test_a_context_that_is_not_there_is_its_name_alone() -> None:
    assert find_target([kubeconfig(EKS_HOST)], "other") == Target("other", "", "", ())
    assert find_target([], None) == Target("", "", "", ())


def test_the_first_kubeconfig_that_has_a_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(json.dumps({**kubeconfig(EKS_HOST, cluster="a"), "current-context": ""}))
    second.write_text(json.dumps(kubeconfig("https://x.hcp.westeurope.azmk8s.io", name="other", cluster="b")))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["/nowhere", str(first), str(second)]))
    contents = read_kubeconfigs(None)
    assert [evidence(find_target(contents, name))[0].platform for name in ("prod", "other", None)] == [
        "eks",
        "aks",
        "aks",
    ]


def test_a_pipe_is_left_to_others(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_kubeconfigs("pipe", tmp_path) == []


@pytest.mark.parametrize("path", ["~nobody-has-this-name/config", "a\0b", "x" * 5000, "."])
def test_a_path_that_leads_nowhere(path: str) -> None:
    assert read_kubeconfigs(path) == []


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
WORDS = st.sampled_from(
    ["a", "b", "", "kind-a", "aws", "eks", "get-token", "kubelogin", "https://[", EKS_HOST, "https://a:b:c", "\0"]
)
ANYTHING = st.recursive(
    SCALARS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "context", "cluster", "user", "server", "exec", "command", "args"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


def entries(kind: str, keys: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    held = ANYTHING | st.fixed_dictionaries({}, optional=keys)
    return ANYTHING | st.lists(ANYTHING | st.fixed_dictionaries({"name": WORDS, kind: held}), max_size=3)


PLUGINS = ANYTHING | st.fixed_dictionaries({"command": ANYTHING | WORDS, "args": ANYTHING | st.lists(WORDS)})
KUBECONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "current-context": ANYTHING | WORDS,
        "contexts": entries("context", {"cluster": ANYTHING | WORDS, "user": ANYTHING | WORDS}),
        "clusters": entries("cluster", {"server": ANYTHING | WORDS | st.text()}),
        "users": entries("user", {"exec": PLUGINS}),
    },
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents=st.lists(KUBECONFIGS, max_size=3), context=st.none() | WORDS)
def test_no_kubeconfig_is_too_strange(contents: list[dict[str, Any]], context: str | None) -> None:
    for sign in evidence(find_target(contents, context)):
        assert sign.platform in ("eks", "aks", "kind")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!<>|'\"%@\n\t #,?~\x00", max_size=60).map(str.encode))
def test_no_file_is_too_strange(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(data)
    assert all(isinstance(each, dict) for each in read_kubeconfigs("config", tmp_path))


def test_a_file_that_nests_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[" * 20_000)
    assert read_kubeconfigs("config", tmp_path) == []
