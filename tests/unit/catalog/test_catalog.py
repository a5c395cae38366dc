from datetime import date

import pytest

from meshwright.catalog import LEVELS, Catalog, load_catalog
from meshwright.catalog.source import DATA, PRODUCTS
from meshwright.errors import ConfigError


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    monkeypatch.delenv("MESHWRIGHT_CATALOG", raising=False)
    return load_catalog()


def test_it_is_read_once(catalog: Catalog) -> None:
    assert load_catalog() is catalog
    assert catalog.overlays == ()


def test_all_of_it_is_valid(catalog: Catalog) -> None:
    assert {path.stem for path in DATA.glob("*.yaml")} == {
        *PRODUCTS,
        "gateway-api",
        "platforms",
        "features",
        "istio-upgrades",
        "linkerd-upgrades",
    }
    for product in catalog.products:
        for version in catalog.versions(product):
            release = catalog.release(product, version)
            assert release.version == version
            assert release.source
            assert release.as_of <= date(2026, 11, 23)
            assert release.charts
            assert release.helm_repository or release.oci_repository


def test_a_minor_is_its_newest_patch_without_an_advisory(catalog: Catalog) -> None:
    release = catalog.release("istio", "1.31")
    assert (release.version, release.minor) == ("1.31.1", "1.31")
    assert release.helm_repository == "https://blob.istio.io/istio-release/charts"
    assert release.oci_repository == "oci://ghcr.io/istio/release/charts"
    assert release.image_hub == "docker.io/istio"
    assert release.charts["ztunnel"] == "1.31.1"
    assert (release.kubernetes.minimum, release.kubernetes.maximum) == ("1.32", None)
    assert not release.insecure
    assert set(release.unsettled) == {"ISTIO-SECURITY-2026-007"}


def test_the_old_hosts_belong_to_the_old_versions(catalog: Catalog) -> None:
    for minor in ("1.30", "1.29"):
        release = catalog.release("istio", minor)
        assert release.helm_repository == "https://istio-release.storage.googleapis.com/charts"
        assert release.oci_repository is None
        assert release.image_hub == "docker.io/istio"


def test_insecure_versions_name_their_advisories(catalog: Catalog) -> None:
    assert set(catalog.release("istio", "1.30.3").advisories) == {
        "ISTIO-SECURITY-2026-006",
        "ISTIO-SECURITY-2026-007",
        "istio/istio#61211",
    }
    assert catalog.release("istio", "1.30.5").insecure
    assert catalog.release("istio", "1.30").version == "1.30.7"
    assert not catalog.release("istio", "1.29.9").insecure


def test_end_of_life(catalog: Catalog) -> None:
    old = catalog.release("istio", "1.29")
    assert old.end_of_life == date(2026, 10, 15)
    assert not old.is_past_end_of_life(date(2026, 10, 14))
    assert old.is_past_end_of_life(date(2026, 10, 15))
    assert not catalog.release("istio", "1.31").is_past_end_of_life(date(2030, 1, 1))


def test_versions_are_ordered_by_number(catalog: Catalog) -> None:
    versions = catalog.versions("istio")
    assert versions.index("1.28.9") < versions.index("1.28.10") < versions.index("1.29.0")


def test_the_newest_of_each_product(catalog: Catalog) -> None:
    newest = {product: catalog.newest(product) for product in catalog.products}
    assert {product: release.version for product, release in newest.items()} == {
        "istio": "1.31.1",
        "istio-csr": "0.17.0",
        "kiali": "2.31.0",
        "linkerd-edge": "edge-26.8.3",
        "linkerd-enterprise": "enterprise-2.20.2",
        "cert-manager": "1.21.1",
        "trust-manager": "0.24.0",
        "consul": "2.0.3",
        "aws-gateway-controller": "2.1.3",
    }
    assert newest["linkerd-edge"].charts["linkerd-control-plane"] == "2026.8.3"
    assert newest["aws-gateway-controller"].charts == {"aws-gateway-controller-chart": "v2.1.3"}


def test_versions_of_linkerd_are_edges_with_ranges_of_their_own(catalog: Catalog) -> None:
    found = {line: catalog.release("linkerd-edge", line) for line in ("2.18", "2.19", "2.20", "26.8")}
    assert {line: (r.version, r.kubernetes.minimum, r.kubernetes.maximum) for line, r in found.items()} == {
        "2.18": ("edge-25.4.4", "1.22", "1.32"),
        "2.19": ("edge-25.10.7", "1.22", "1.35"),
        "2.20": ("edge-26.6.3", "1.31", "1.35"),
        "26.8": ("edge-26.8.3", "1.31", "1.36"),
    }
    lines = catalog.linkerd_upgrades.lines
    assert {line: edge for line, edge in lines.items() if line in found} == {
        line: r.version for line, r in found.items() if line in lines
    }


@pytest.mark.parametrize(
    ("product", "version", "line"),
    [
        (
            "istio",
            "1.31.9",
            (
                'istio "1.31.9" is not in the catalog; known: 1.31.0, 1.31.1; or add it with source and as_of in an overlay '
                "file (--catalog) (MW-E030)"
            ),
        ),
        (
            "istio",
            "1.13",
            (
                'istio "1.13" is not in the catalog; known: 1.28, 1.29, 1.30, 1.31. Did you mean 1.31? Or add it with source '
                "and as_of in an overlay file (--catalog) (MW-E030)"
            ),
        ),
        (
            "istio",
            "1.28",
            (
                "istio 1.28 has no version without a known advisory (ISTIO-SECURITY-2026-007, ISTIO-SECURITY-2026-006); choose "
                "a newer minor, or write 1.28.10 in full to take it nevertheless (MW-E031)"
            ),
        ),
        (
            "istoi",
            "1.31",
            (
                'the catalog has no product "istoi"; one of: istio, istio-csr, kiali, linkerd-edge, linkerd-enterprise, '
                "cert-manager, trust-manager, consul, aws-gateway-controller (MW-E030)"
            ),
        ),
    ],
)
def test_what_is_not_there_is_refused(catalog: Catalog, product: str, version: str, line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        catalog.release(product, version)
    assert str(refused.value) == line


def test_the_bundle_suits_all_of_its_users(catalog: Catalog) -> None:
    istio, linkerd, consul, lattice = (
        catalog.newest(product) for product in ("istio", "linkerd-edge", "consul", "aws-gateway-controller")
    )
    for consumers, version in (
        ([], "1.6.1"),
        ([istio], "1.6.1"),
        ([catalog.release("istio", "1.30")], "1.5.1"),
        ([linkerd], "1.2.1"),
        ([istio, linkerd], "1.5.1"),
        ([lattice], "1.5.0"),
        ([istio, linkerd, consul, lattice], "1.5.1"),
        ([catalog.release("consul", "1.9"), lattice], "1.5.0"),
    ):
        bundle = catalog.gateway_api_bundle(consumers)
        assert bundle.version == version
        assert bundle.url.endswith(f"/releases/download/v{version}/standard-install.yaml")


def test_a_bundle_can_be_asked_for(catalog: Catalog) -> None:
    istio = catalog.release("istio", "1.31")
    assert catalog.gateway_api_bundle([istio], version="1.5.1").version == "1.5.1"
    with pytest.raises(ConfigError) as refused:
        catalog.gateway_api_bundle([catalog.release("istio", "1.30")], version="1.6.1")
    assert str(refused.value) == (
        "Gateway API CRDs 1.6.1 do not suit all of their users: istio 1.30.7 takes 1.1.0 to 1.5.1; leave the version out, "
        "and the newest that suits all is chosen (MW-E032)"
    )
    with pytest.raises(ConfigError, match=r'gateway-api "1.7.0" is not in the catalog; known: 1.2.1, .*\(MW-E030\)'):
        catalog.gateway_api_bundle([istio], version="1.7.0")


def test_ranges_that_do_not_meet_are_refused(catalog: Catalog) -> None:
    with pytest.raises(ConfigError) as refused:
        catalog.gateway_api_bundle([catalog.release("istio", "1.29"), catalog.newest("consul")])
    assert str(refused.value) == (
        "no bundle of Gateway API CRDs suits all of its users: istio 1.29.9 takes 1.1.0 to 1.4.1, consul 2.0.3 takes 1.5.1 "
        "to 1.5.1; choose versions whose ranges meet, or run one of them on another cluster (MW-E032)"
    )


def test_platforms(catalog: Catalog) -> None:
    values = {name: platform.istio_platform_value for name, platform in catalog.platforms.items()}
    assert values == {
        "eks": None,
        "gke": "gke",
        "aks": None,
        "openshift": "openshift",
        "k3s": "k3s",
        "k3d": "k3d",
        "kind": None,
        "minikube": "minikube",
        "microk8s": "microk8s",
        "generic": None,
    }
    openshift = catalog.platforms["openshift"]
    assert openshift.istio.agents_namespace == "kube-system"
    assert openshift.manages_gateway_api
    assert catalog.platforms["eks"].nodeless == ["fargate"]


def test_the_matrix_is_full_and_says_unknown_where_it_must(catalog: Catalog) -> None:
    features = catalog.features
    assert set(features) == {"istio-ambient", "istio-sidecar", "linkerd", "consul", "vpc-lattice", "app-mesh", "none"}
    names = set(features["none"])
    words = {"licence", "maturity", "managed_offers"}
    for facts in features.values():
        assert set(facts) == names
        assert {fact.value for name, fact in facts.items() if name not in words} <= set(LEVELS)
    assert features["linkerd"]["audit_phase"].value == "yes"
    assert features["istio-ambient"]["ca_spire"].value == "no"
    assert features["consul"]["tracing"].value == "unknown"
    assert features["app-mesh"]["maturity"].value == "discontinued"
