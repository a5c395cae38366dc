"""The recorded graphs of PluggedInCa and IstioCsr, by themselves and under IstioAmbient."""

import base64
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives import hashes
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright import IstioAmbient, IstioCsr, PluggedInCa
from meshwright.engine.graph import Graph, Secret
from meshwright.kubernetes.errors import ComponentError
from tests.servers.pki import Signer, signer
from tests.unit.graphs import find, inputs, names, shape, with_provider
from tests.unit.istio.certificates.mesh import args, intermediate, root, with_lists

STEADY = {"step": "steady", "since": "2026-01-01"}
BOTH = {
    "step": "both-trusted",
    "since": "2026-11-20",
    "previous": {"step": "steady", "since": "2026-01-01"},
    "next": args("new"),
}
ISSUER = {"type": "existing", "name": "mesh", "kind": "ClusterIssuer", "group": "cert-manager.io"}
SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "cert-manager-istio-csr"}},
    }
    for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
]


def ca(**more: Any) -> Graph:
    wanted: Any = {"namespace": "istio-system", "authority": args(), **more}
    return with_provider(lambda opts: PluggedInCa("ca", _known_later(wanted), opts))


def csr(**more: Any) -> Graph:
    wanted: Any = {
        "issuer": ISSUER,
        "root": root().pem,
        "root_namespace": "istio-system",
        "agents_namespace": "istio-system",
        **more,
    }
    return with_provider(lambda opts: IstioCsr("csr", _known_later(wanted), opts))


def later(text: str) -> Callable[[], pulumi.Output[str]]:
    """An output; one can be made only while a program runs."""
    return lambda: pulumi.Output.from_input(text)


def _known_later(wanted: Any) -> Any:
    if isinstance(wanted, dict):
        return {key: _known_later(value) for key, value in wanted.items()}
    return wanted() if callable(wanted) else wanted


def mesh(certificates: Any, **more: Any) -> Graph:
    wanted: Any = {"version": "1.31", "platform": "kind", "certificates": certificates, **more}
    return with_provider(lambda opts: IstioAmbient("mesh", wanted, opts))


def content(graph: Graph, name: str = "ca-secret-content") -> dict[str, str]:
    data = inputs(graph, name)["data"]
    assert isinstance(data, Secret)
    return {key: base64.b64decode(text).decode() for key, text in data.value.items()}


def named(signer: Signer) -> str:
    fingerprint = signer.certificate.fingerprint(hashes.SHA256()).hex()
    return f"{signer.certificate.subject.rfc4514_string()}, sha256:{fingerprint[:16]}"


def refused(run: Any, *more: Any, **changes: Any) -> str:
    with pytest.raises(ComponentError) as error:
        run(*more, **changes)
    return str(error.value)


def test_an_empty_secret_and_then_its_content() -> None:
    graph = ca()
    assert shape(graph) == [
        ("meshwright:index:PluggedInCa", "ca", "test-dev"),
        ("kubernetes:core/v1:Secret", "ca-secret", "ca"),
        ("kubernetes:core/v1:SecretPatch", "ca-secret-content", "ca"),
    ]
    assert names(find(graph, "ca-secret-content").dependencies) == {"ca-secret"}
    where = {"name": "cacerts", "namespace": "istio-system"}
    assert inputs(graph, "ca-secret")["metadata"] == inputs(graph, "ca-secret-content")["metadata"] == where
    assert "data" not in inputs(graph, "ca-secret")


def test_the_content_is_what_istio_reads_and_is_secret() -> None:
    signs = intermediate()
    assert content(ca()) == {
        "ca-cert.pem": signs.pem,
        "ca-key.pem": signs.key_pem,
        "cert-chain.pem": signs.pem,
        "root-cert.pem": root().pem,
    }


def test_policy_and_state_see_no_pem() -> None:
    graph = ca(rotation=BOTH)
    assert inputs(graph, "ca") == {
        "namespace": "istio-system",
        "signs": named(intermediate()),
        "trusts": [named(root()), named(root("new"))],
        "rotation": {key: value for key, value in BOTH.items() if key != "next"},
    }
    outputs = find(graph, "ca").outputs
    assert outputs["expires"] == "2046-01-01"
    assert outputs["digest"] != find(ca(), "ca").outputs["digest"]


def test_both_roots_while_one_replaces_the_other() -> None:
    files = content(ca(rotation=BOTH))
    assert files["root-cert.pem"] == root().pem + root("new").pem
    assert files["ca-cert.pem"] == intermediate().pem
    switched = {
        **BOTH,
        "step": "switched",
        "since": "2026-11-22",
        "previous": {"step": "both-trusted", "since": "2026-11-20"},
    }
    files = content(ca(rotation=switched))
    assert files["root-cert.pem"] == root("new").pem + root().pem
    assert files["ca-key.pem"] == intermediate("new").key_pem


def test_a_rotation_may_say_that_there_is_none() -> None:
    assert content(ca(rotation=STEADY)) == content(ca())


def test_revocation_lists_of_both_authorities() -> None:
    files = content(ca(authority=with_lists(), rotation={**BOTH, "next": with_lists("new")}))
    assert files["ca-crl.pem"].count("BEGIN X509 CRL") == 4


def test_pem_that_is_known_later_is_checked_then() -> None:
    graph = ca(authority={key: later(value) for key, value in args().items()})
    assert content(graph)["ca-cert.pem"] == intermediate().pem


def test_what_is_public_stays_so_with_a_key_that_is_a_secret() -> None:
    graph = ca(authority=args(key=lambda: pulumi.Output.secret(args()["key"])))
    assert content(graph) == content(ca())
    assert find(graph, "ca").outputs == find(ca(), "ca").outputs


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"authority": args(key="x")},
            (
                "PluggedInCa ca, authority: key holds no private key that can be read; give it as PEM, without a passphrase: "
                "istiod has none to open it with (MW-E145)"
            ),
        ),
        (
            {"rotation": {**BOTH, "next": args("new", root=root().pem)}},
            (
                "PluggedInCa ca, next authority: no root given signed CN=new eu; add what lies between to chain, or the root "
                "CN=new root to root (MW-E146)"
            ),
        ),
        (
            {"rotation": {**BOTH, "step": "switched"}},
            (
                "PluggedInCa ca: step is switched, and the step before it was steady: proxies of the two don't trust each "
                "other; one of both-trusted or old-removed comes before it (MW-E149)"
            ),
        ),
        (
            {"rotation": {"step": "swapped"}},
            (
                "PluggedInCa ca: the step 'swapped' is unknown; one of: steady, both-trusted, switched, old-removed (MW-E149)"
            ),
        ),
        (
            {"rotation": {**BOTH, "previous": {"step": "calm"}}},
            (
                "PluggedInCa ca: the step before, 'calm', is unknown; one of: steady, both-trusted, switched, old-removed "
                "(MW-E149)"
            ),
        ),
        (
            {"authority": with_lists(), "rotation": BOTH},
            (
                "PluggedInCa ca: one of the two authorities has revocation lists and the other has none; give both theirs: "
                "with lists of some alone, Envoy refuses the certificates of the other (MW-E148)"
            ),
        ),
    ],
)
def test_what_cannot_work_is_refused(change: dict[str, Any], line: str) -> None:
    assert refused(ca, **change) == line


def test_cacerts_come_after_the_namespace_and_before_istiod() -> None:
    graph = mesh({"source": "cacerts", "authority": args()})
    assert [each[1] for each in shape(graph)][:6] == [
        "mesh",
        "mesh-namespace",
        "mesh-ca",
        "mesh-ca-secret",
        "mesh-ca-secret-content",
        "mesh-base",
    ]
    assert "mesh-namespace" in names(find(graph, "mesh-ca-secret").dependencies)
    assert {"mesh-namespace", "mesh-ca-secret-content"} <= names(find(graph, "mesh-base").dependencies)
    assert inputs(graph, "mesh")["certificates"] == {"source": "cacerts"}


def test_istiod_restarts_for_another_authority() -> None:
    one, other = (
        inputs(mesh({"source": "cacerts", "authority": args(name)}), "mesh-istiod")["values"] for name in ("old", "new")
    )
    assert one["podAnnotations"].keys() == {"meshwright.dev/authority"}
    assert one["podAnnotations"] != other["podAnnotations"]
    assert "env" not in one


def test_a_rotation_lets_istiod_take_another_root() -> None:
    graph = mesh({"source": "cacerts", "authority": args(), "rotation": BOTH})
    assert inputs(graph, "mesh-istiod")["values"]["env"] == {"ISTIO_MULTIROOT_MESH": "true"}
    assert inputs(graph, "mesh")["certificates"] == {
        "source": "cacerts",
        "rotation": {key: value for key, value in BOTH.items() if key != "next"},
    }


def test_ztunnel_reads_revocation_lists_where_there_are_some() -> None:
    graph = mesh({"source": "cacerts", "authority": with_lists()})
    assert inputs(graph, "mesh-ztunnel")["values"]["peerCaCrl"] == {"enabled": True}


def test_no_key_is_in_any_plain_input() -> None:
    graph = mesh({"source": "cacerts", "authority": args(), "rotation": BOTH})
    for resource in graph:
        plain = {key: value for key, value in resource.inputs.items() if not isinstance(value, Secret)}
        for key in (intermediate().key_pem, intermediate("new").key_pem):
            assert key.splitlines()[1] not in repr(plain), resource.name


def test_self_signed_adds_nothing() -> None:
    without = with_provider(lambda opts: IstioAmbient("mesh", {"version": "1.31", "platform": "kind"}, opts))
    assert shape(mesh({"source": "self-signed"})) == shape(without)


def test_istio_csr_and_its_root() -> None:
    graph = csr()
    assert shape(graph) == [
        ("meshwright:index:IstioCsr", "csr", "test-dev"),
        ("kubernetes:core/v1:ConfigMap", "csr-root", "csr"),
        ("kubernetes:helm.sh/v3:Release", "csr-release", "csr"),
    ]
    assert names(find(graph, "csr-release").dependencies) == {"csr-root"}
    stored = inputs(graph, "csr-root")
    assert stored["immutable"] is True
    assert stored["data"] == {"root-cert.pem": root().pem}
    assert stored["metadata"]["namespace"] == "cert-manager"
    release = inputs(graph, "csr-release")
    assert (release["chart"], release["version"], release["name"], release["namespace"]) == (
        "oci://quay.io/jetstack/charts/cert-manager-istio-csr",
        "v0.17.0",
        "cert-manager-istio-csr",
        "cert-manager",
    )
    assert release["values"] == {
        "replicaCount": 2,
        "podDisruptionBudget": {"enabled": True},
        "topologySpreadConstraints": SPREAD,
        "volumes": [{"name": "root-ca", "configMap": {"name": stored["metadata"]["name"]}}],
        "volumeMounts": [{"name": "root-ca", "mountPath": "/var/run/configmaps/istio-root", "readOnly": True}],
        "app": {
            "certmanager": {
                "namespace": "istio-system",
                "issuer": {"name": "mesh", "kind": "ClusterIssuer", "group": "cert-manager.io"},
            },
            "tls": {
                "trustDomain": "cluster.local",
                "rootCAFile": "/var/run/configmaps/istio-root/root-cert.pem",
                "certificateDNSNames": ["cert-manager-istio-csr.cert-manager.svc"],
            },
            "server": {"caTrustedNodeAccounts": "istio-system/ztunnel"},
            "istio": {"revisions": ["default"], "namespace": "istio-system"},
            "controller": {"leaderElectionNamespace": "istio-system"},
        },
    }
    assert find(graph, "csr").outputs == {"address": "cert-manager-istio-csr.cert-manager.svc:443"}


def test_what_is_yours_to_set_of_istio_csr() -> None:
    graph = csr(
        namespace="pki",
        replicas=3.0,
        max_duration="2h",
        charts={"source": "repository"},
        values={"app": {"logLevel": 2}},
        agents_namespace="kube-system",
        trust_domain="td.example",
        revisions=["1-31-1"],
        cluster="eu",
        root=later(root().pem + root("new").pem),
    )
    release = inputs(graph, "csr-release")
    assert release["repositoryOpts"] == {"repo": "https://charts.jetstack.io"}
    values, app = release["values"], release["values"]["app"]
    assert values["replicaCount"] == 3
    assert app["logLevel"] == 2
    assert app["server"] == {
        "caTrustedNodeAccounts": "kube-system/ztunnel",
        "clusterID": "eu",
        "maxCertificateDuration": "2h",
    }
    assert app["istio"]["revisions"] == ["default", "1-31-1"]
    assert app["tls"]["trustDomain"] == "td.example"
    assert app["tls"]["certificateDNSNames"] == ["cert-manager-istio-csr.pki.svc"]
    assert inputs(graph, "csr-root")["data"] == {"root-cert.pem": root().pem + root("new").pem}


def test_a_vault_issuer_logs_in_with_tokens_that_lie_nowhere() -> None:
    issuer = {
        "type": "vault",
        "server": "https://bao.example:8200",
        "path": "pki_istio/sign/mesh",
        "role": "istio-ca",
        "ca_bundle": "YQ==",
        "vault_namespace": "platform",
    }
    graph = csr(issuer=issuer)
    assert {each[1] for each in shape(graph)} == {
        "csr",
        "csr-vault-account",
        "csr-vault-role",
        "csr-vault-binding",
        "csr-issuer",
        "csr-root",
        "csr-release",
    }
    assert inputs(graph, "csr-issuer") == {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": {
            "name": "istio-ca",
            "namespace": "istio-system",
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        "spec": {
            "vault": {
                "server": "https://bao.example:8200",
                "path": "pki_istio/sign/mesh",
                "auth": {
                    "kubernetes": {
                        "role": "istio-ca",
                        "mountPath": "/v1/auth/kubernetes",
                        "serviceAccountRef": {"name": "istio-ca-vault"},
                    }
                },
                "caBundle": "YQ==",
                "namespace": "platform",
            }
        },
    }
    assert inputs(graph, "csr-vault-role")["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["serviceaccounts/token"],
            "resourceNames": ["istio-ca-vault"],
            "verbs": ["create"],
        }
    ]
    assert inputs(graph, "csr-vault-binding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "cert-manager", "namespace": "cert-manager"}
    ]
    assert "csr-vault-binding" in names(find(graph, "csr-issuer").dependencies)
    assert inputs(graph, "csr-release")["values"]["app"]["certmanager"]["issuer"] == {
        "name": "istio-ca",
        "kind": "Issuer",
        "group": "cert-manager.io",
    }


@pytest.mark.parametrize(
    ("issuer", "api", "kind", "spec"),
    [
        ({"type": "ca", "secret": "mesh-ca"}, "cert-manager.io/v1", "Issuer", {"ca": {"secretName": "mesh-ca"}}),
        (
            {"type": "aws-private-ca", "arn": "arn:aws:acm-pca:x", "region": "eu-central-1"},
            "awspca.cert-manager.io/v1beta1",
            "AWSPCAIssuer",
            {"arn": "arn:aws:acm-pca:x", "region": "eu-central-1"},
        ),
        (
            {"type": "vault", "server": "https://b", "path": "p", "role": "r", "mount": "/v1/auth/eu"},
            "cert-manager.io/v1",
            "Issuer",
            {
                "vault": {
                    "server": "https://b",
                    "path": "p",
                    "auth": {
                        "kubernetes": {
                            "role": "r",
                            "mountPath": "/v1/auth/eu",
                            "serviceAccountRef": {"name": "istio-ca-vault"},
                        }
                    },
                }
            },
        ),
    ],
)
def test_issuers_that_are_made_here(issuer: Any, api: str, kind: str, spec: dict[str, Any]) -> None:
    made = inputs(csr(issuer=issuer), "csr-issuer")
    assert (made["apiVersion"], made["kind"], made["spec"]) == (api, kind, spec)


ACME = (
    "IstioCsr csr: an ACME issuer signs for DNS names, and a workload's name is a SPIFFE URI; use an authority of yours: ca, "
    "vault, aws-private-ca, or an existing issuer of that kind (MW-E150)"
)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"issuer": {"type": "acme"}}, ACME),
        ({"issuer": {**ISSUER, "name": "letsencrypt-prod"}}, ACME),
        (
            {"issuer": {"type": "cfssl"}},
            "IstioCsr csr: the type 'cfssl' is unknown; one of: existing, ca, vault, aws-private-ca (MW-E050)",
        ),
        (
            {"issuer": {"type": "ca", "secret": "x", "arn": "y"}},
            "IstioCsr csr: the type ca takes no arn; remove arn, or choose another type (MW-E050)",
        ),
        ({"issuer": {"type": "ca"}}, "IstioCsr csr: the type ca needs secret; add secret (MW-E050)"),
        ({"replicas": 0}, "IstioCsr csr: 0 replicas of istio-csr can't sign; at least 1; 2 or more (MW-E050)"),
        (
            {"root": intermediate().pem},
            (
                "IstioCsr csr, root: root CN=old eu is not signed by itself; give the root alone there, and what lies between "
                "in chain (MW-E146)"
            ),
        ),
        (
            {"charts": {"source": "path", "address": "nowhere"}},
            (
                "IstioCsr csr: there is no chart in nowhere/cert-manager-istio-csr; give the folder that holds the chart's "
                "folder (MW-E052)"
            ),
        ),
    ],
)
def test_what_istio_csr_cannot_do_is_refused(change: dict[str, Any], line: str) -> None:
    assert refused(csr, **change) == line


def test_istio_asks_istio_csr_instead_of_itself() -> None:
    settings = {"source": "istio-csr", "istio_csr": {"issuer": ISSUER, "root": root().pem}}
    graph = mesh(settings, platform="openshift", trust_domain="td.example", revision="1-31-1")
    asked = "cert-manager-istio-csr.cert-manager.svc:443"
    istiod, ztunnel = (inputs(graph, f"mesh-{short}")["values"] for short in ("istiod-1-31-1", "ztunnel"))
    assert istiod["env"] == {"ENABLE_CA_SERVER": "false"}
    assert istiod["global"]["caAddress"] == ztunnel["caAddress"] == asked
    app = inputs(graph, "mesh-istio-csr-release")["values"]["app"]
    assert app["server"]["caTrustedNodeAccounts"] == "kube-system/ztunnel"
    assert app["istio"] == {"revisions": ["default", "1-31-1"], "namespace": "istio-system"}
    assert app["tls"]["trustDomain"] == "td.example"
    assert {"mesh-namespace", "mesh-istio-csr-release"} <= names(find(graph, "mesh-base").dependencies)


@pytest.mark.parametrize(
    ("certificates", "line"),
    [
        (
            {"source": "spire"},
            (
                "SPIRE can't give ztunnel its certificates: ztunnel asks for those of all pods of its node, and SPIRE gives "
                "each workload its own (istio#42339, open); use cacerts or istio-csr, with a root whose key is elsewhere "
                "(MW-E150)"
            ),
        ),
        ({"source": "vault"}, "the source 'vault' is unknown; one of: self-signed, cacerts, istio-csr (MW-E150)"),
        ({"source": "cacerts"}, "certificates from cacerts need authority; add authority (MW-E050)"),
        (
            {"source": "self-signed", "authority": args()},
            "certificates from self-signed take no authority; remove authority, or choose another source (MW-E050)",
        ),
        (
            {"source": "istio-csr", "istio_csr": {"issuer": ISSUER, "root": root().pem}, "rotation": STEADY},
            "certificates from istio-csr take no rotation; remove rotation, or choose another source (MW-E050)",
        ),
    ],
)
def test_sources_that_cannot_work_are_refused(certificates: dict[str, Any], line: str) -> None:
    assert refused(mesh, certificates) == f"IstioAmbient mesh: {line}"


def test_what_a_provider_is_missing_for_is_refused() -> None:
    wanted: Any = {"namespace": "istio-system", "authority": args()}
    with pytest.raises(ComponentError, match="MW-E051"):
        PluggedInCa("ca", wanted)
    with pytest.raises(ComponentError, match="MW-E051"):
        IstioCsr("csr", wanted)


def test_a_root_that_expires_today_is_refused() -> None:
    from datetime import date

    late = signer("late", last=date(2026, 11, 23))
    assert "CN=late is valid until 2026-11-23, and today is 2026-11-23" in refused(csr, root=late.pem)


def test_the_secret_waits_for_what_the_component_waits_for() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        first = ConfigMap("first", metadata={"name": "first", "namespace": "x"}, opts=opts)
        wanted: Any = {"namespace": "istio-system", "authority": args()}
        PluggedInCa("ca", wanted, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[first])))

    graph = with_provider(program)
    assert "first" in names(find(graph, "ca-secret").dependencies)
