"""What the stack file may say of certificates and of other clusters, and what is refused there, with its line."""

import pytest

from meshwright.config import IstioAmbientMesh, load_stack
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, istio

CSR = "source: istio-csr, istio_csr: {root: r.pem, issuer: "
JOINED = (
    "    certificates: {source: cacerts, authority: {folder: pki}}\n"
    "    multicluster: {mesh: shop, cluster: eu, network: eu, api_server: 'https://eu.example', "
)
ROTATED = (
    "    certificates:\n      source: cacerts\n      authority: {folder: old}\n"
    "      rotation: {next: {folder: new}, since: 2026-11-20, "
)


def lines(write: Write, more: str, cluster: str = "{context: prod, platform: eks}") -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load_stack(write(istio(more, cluster=cluster)))
    return str(refused.value).splitlines()


@pytest.mark.parametrize(
    "more",
    [
        "    certificates: {source: self-signed}\n    environment: dev\n",
        "    environment: production\n    certificates: {source: cacerts, authority: {folder: pki}}\n",
        "    certificates: {source: cacerts, authority: {certificate: a, key: 'config:pki:key', root: c, chain: d}}\n",
        ROTATED + "step: both-trusted, previous: {step: steady}}\n",
        "    certificates: {" + CSR + "{type: existing, name: ca, kind: ClusterIssuer, group: cert-manager.io}}}\n",
        "    certificates: {" + CSR + "{type: vault, server: 'https://b', path: p, role: r, mount: /v1/auth/eu}}}\n",
        JOINED + "peers: [{cluster: us, stack: acme/meshwright/us}]}\n",
    ],
)
def test_what_can_work(stack_file: Write, more: str) -> None:
    assert isinstance(load_stack(stack_file(istio(more))).mesh, IstioAmbientMesh)


INSIDE = "use cacerts or istio-csr, with a root whose key is elsewhere (MW-E150)"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("    environment: production\n", "the stack is for production"),
        ("    compliance: {mtls_required: true}\n", "mutual TLS is required"),
        ("    compliance: {hsm: true}\n", "the root's key has to be in an HSM"),
        ("    compliance: {ca_hierarchy: corporate-root}\n", "the root has to be the company's"),
    ],
)
def test_self_signed_is_for_development(stack_file: Write, more: str, why: str) -> None:
    said = f"{FILE}:7: mesh.certificates.source: self-signed keeps the root's key in the cluster, and {why}; {INSIDE}"
    assert lines(stack_file, more + "    certificates: {source: self-signed}\n") == [said]


ACME = (
    "an ACME issuer signs for DNS names, and a workload's name is a SPIFFE URI; use an authority of yours: ca, vault, "
    "aws-private-ca, or an existing issuer of that kind (MW-E150)"
)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "    certificates: {source: spire}\n",
            [
                (
                    "6: mesh.certificates.source: SPIRE can't give ztunnel its certificates: ztunnel asks for those of all "
                    f"pods of its node, and SPIRE gives each workload its own (istio#42339, open); {INSIDE}"
                )
            ],
        ),
        (
            "    certificates: {source: cacerts}\n",
            ["6: mesh.certificates.source is cacerts, which needs authority; add authority (MW-E011)"],
        ),
        (
            "    certificates: {source: self-signed, authority: {folder: pki}}\n",
            [
                (
                    "6: mesh.certificates.authority is not used with source: self-signed; remove authority, or choose another "
                    "source (MW-E018)"
                )
            ],
        ),
        (
            "    certificates: {source: cacerts, authority: {folder: pki, key: k}}\n",
            ["6: mesh.certificates.authority.key is given, and folder has it too; keep folder or key (MW-E018)"],
        ),
        (
            "    certificates: {source: cacerts, authority: {certificate: c, key: k}}\n",
            ["6: mesh.certificates.authority names no root; add folder, or root (MW-E011)"],
        ),
        ("    certificates: {" + CSR + "{type: acme}}}\n", [f"6: mesh.certificates.istio_csr.issuer: {ACME}"]),
        (
            "    certificates: {" + CSR + "{type: ca, arn: x}}}\n",
            [
                "6: mesh.certificates.istio_csr.issuer: the type ca needs secret; add secret (MW-E018)",
                (
                    "6: mesh.certificates.istio_csr.issuer: the type ca takes no arn; remove arn, or choose another type "
                    "(MW-E018)"
                ),
            ],
        ),
        (
            ROTATED + "step: switched, previous: {step: both-trusted, since: 2026-11-19}}\n",
            [
                (
                    "9: mesh.certificates.rotation: step is switched since 2026-11-20, and both-trusted had begun on "
                    "2026-11-19; wait 2 days: until then some proxies still hold certificates and roots of the step before "
                    "(MW-E149)"
                )
            ],
        ),
        (
            ROTATED + "step: old-removed, previous: {step: both-trusted, since: 2026-11-01}}\n",
            [
                (
                    "9: mesh.certificates.rotation: step is old-removed, and the step before it was both-trusted: proxies of "
                    "the two don't trust each other; one of switched or steady comes before it (MW-E149)"
                )
            ],
        ),
    ],
)
def test_certificates_that_are_refused(stack_file: Write, more: str, said: list[str]) -> None:
    assert lines(stack_file, more) == [f"{FILE}:{line}" for line in said]


EU = "mesh: shop, cluster: eu, network: eu, api_server: 'https://eu.example'"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            f"    multicluster: {{{EU}}}\n",
            [
                (
                    "6: mesh.multicluster: each cluster would make a root of its own, and trust no other's workloads; say in "
                    "certificates where they come from, with one root for all clusters: cacerts or istio-csr (MW-E151)"
                )
            ],
        ),
        (
            JOINED + "topology: primary-remote}\n",
            [
                (
                    "7: mesh.multicluster: primary-remote doesn't work with ambient: the east-west gateway of ambient can't "
                    "show istiod to another cluster; run an istiod in each cluster: multi-primary (MW-E151)"
                )
            ],
        ),
        (
            JOINED + "east_west: {source_ranges: [0.0.0.0/0]}}\n",
            [
                (
                    "7: mesh.multicluster.east_west: 0.0.0.0/0 is everybody; name the other clusters' networks, or say in "
                    "public why it is open (MW-E152)"
                )
            ],
        ),
        (
            JOINED + "east_west: {source_ranges: [office, 10.0.0.0/8]}}\n",
            ["7: mesh.multicluster.east_west: 'office' is no network; write it as 10.20.0.0/16 (MW-E152)"],
        ),
        (
            JOINED + "east_west: {min_replicas: 4, max_replicas: 2, source_ranges: [10.0.0.0/8, 10.0.0.0/8]}}\n",
            [
                (
                    "7: mesh.multicluster.east_west.min_replicas is 4, more than max_replicas (2); lower it, or raise "
                    "max_replicas (MW-E018)"
                ),
                (
                    '7: mesh.multicluster.east_west.source_ranges[1] is "10.0.0.0/8", as is source_ranges[0]; keep one of '
                    "the two (MW-E017)"
                ),
            ],
        ),
        (
            JOINED + "peers: [{cluster: eu, stack: a/b/eu}]}\n",
            ['7: mesh.multicluster.peers[0].cluster is "eu", which is this cluster; leave it out (MW-E018)'],
        ),
        (
            JOINED + "global_services: {catalog: [products]}}\n",
            [
                (
                    "7: mesh.multicluster.global_services.catalog is of no namespace that is in the mesh; list it in "
                    "namespaces, with phase: permissive or strict (MW-E018)"
                )
            ],
        ),
        (
            JOINED + "global_services: {shop: [cart, cart]}}\n    namespaces: [{name: shop, phase: strict}]\n",
            [('7: mesh.multicluster.global_services.shop[1] is "cart", as is shop[0]; keep one of the two (MW-E017)')],
        ),
    ],
)
def test_clusters_that_are_refused(stack_file: Write, more: str, said: list[str]) -> None:
    assert lines(stack_file, more) == [f"{FILE}:{line}" for line in said]


def test_an_address_that_may_be_public(stack_file: Write) -> None:
    said = lines(stack_file, JOINED + "baggage: true}\n", cluster="{context: prod, platform: generic}")
    assert said == [
        (
            f"{FILE}:7: mesh.multicluster.east_west: on generic the east-west gateway may get a public address; give the "
            "annotations that make it internal, source_ranges, or in public the reason why it is open (MW-E152)"
        )
    ]


def test_a_login_goes_to_vault_encrypted(stack_file: Write) -> None:
    (said,) = lines(stack_file, "    certificates: {" + CSR + "{type: vault, server: 'http://b', path: p, role: r}}}\n")
    assert said == (
        f'{FILE}:6: mesh.certificates.istio_csr.issuer.server is "http://b", which is no address; begin it with https:// '
        "(MW-E015)"
    )
