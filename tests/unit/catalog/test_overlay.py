from pathlib import Path

import pytest

from meshwright.catalog import load_catalog
from meshwright.errors import ConfigError


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    return tmp_path / "facts.yaml"


def lines(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load_catalog(path)
    return [line.removeprefix(f"{path}:") for line in str(refused.value).splitlines()]


def test_a_newer_version_is_added_and_named(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overlay.write_text(
        """
products:
  istio:
    minors:
      "1.31":
        releases:
          1.31.3: {released: 2026-11-12, source: release notes, as_of: "2026-11-20"}
platforms:
  eks: {title: EKS here, source: us, as_of: 2026-11-01}
gateway_api:
  bundles:
    1.7.0: {source: us, as_of: 2026-11-01}
features:
  linkerd:
    tracing: {value: "yes", source: us, as_of: 2026-11-01}
"""
    )
    catalog = load_catalog(overlay)
    assert catalog.overlays == ("facts.yaml",)
    release = catalog.release("istio", "1.31")
    assert (release.version, str(release.as_of)) == ("1.31.3", "2026-11-20")
    assert release.charts["base"] == "1.31.3"
    assert catalog.platforms["eks"].title == "EKS here"
    assert catalog.platforms["eks"].nodeless == ["fargate"]
    assert catalog.gateway_api_bundles[-1] == "1.7.0"
    assert catalog.features["linkerd"]["tracing"].value == "yes"
    monkeypatch.setenv("MESHWRIGHT_CATALOG", str(overlay))
    assert load_catalog().overlays == ("facts.yaml",)


def test_a_minor_can_be_corrected(overlay: Path) -> None:
    overlay.write_text(
        'products: {istio: {minors: {"1.31": {end_of_life: 2027-03-01, source: us, as_of: 2026-11-01}}}}\n'
    )
    assert str(load_catalog(overlay).release("istio", "1.31").end_of_life) == "2027-03-01"


def test_entries_say_where_they_were_read_and_when(overlay: Path) -> None:
    overlay.write_text(
        """products:
  istio:
    minors:
      "1.31":
        end_of_life: 2027-03-01
        releases:
          1.31.3: {source: us}
"""
    )
    assert lines(overlay) == [
        "7: products.istio.minors.1.31.releases.1.31.3 has no as_of; add the day on which it was true, as YYYY-MM-DD (MW-E033)",
        "4: products.istio.minors.1.31 has no source; add where it was read (MW-E033)",
        "4: products.istio.minors.1.31 has no as_of; add the day on which it was true, as YYYY-MM-DD (MW-E033)",
    ]


def test_what_the_catalog_does_not_have_is_refused(overlay: Path) -> None:
    overlay.write_text("produkts: {}\nproducts:\n  istoi: {}\n  zzz: {}\nplatforms: [eks]\n")
    assert lines(overlay) == [
        "5: platforms is a list; write a mapping (MW-E033)",
        '1: the catalog has no "produkts"; one of: products, gateway_api, platforms, features. Did you mean products? (MW-E033)',
        (
            '3: products has no "istoi"; one of: istio, istio-csr, kiali, linkerd-edge, linkerd-enterprise, cert-manager, trust-manager, consul, aws-gateway-controller. '
            "Did you mean istio? (MW-E033)"
        ),
        '4: products has no "zzz"; one of: istio, istio-csr, kiali, linkerd-edge, linkerd-enterprise, cert-manager, trust-manager, consul, aws-gateway-controller (MW-E033)',
    ]


def test_values_are_checked(overlay: Path) -> None:
    overlay.write_text(
        """products:
  istio:
    minors:
      "1.31":
        end_of_life: 2026-02-30
        charst: 1
        source: us
        as_of: 2026-11-01
      "1.40": {source: us, as_of: 2026-01-01}
features:
  linkerd: {tracing: {value: 3, source: us, as_of: soon}}
"""
    )
    packaged = "write it as the packaged data do: components/meshwright/catalog/data (MW-E033)"
    assert lines(overlay) == [
        f'5: products.istio.minors.1.31.end_of_life is "2026-02-30"; {packaged}',
        "6: products.istio.minors.1.31.charst is no key here; remove it (MW-E033)",
        "9: products.istio.minors.1.40.kubernetes is missing; add it (MW-E033)",
        "9: products.istio.minors.1.40.charts is missing; add it (MW-E033)",
        "9: products.istio.minors.1.40.releases is missing; add it (MW-E033)",
        f'11: features.linkerd.tracing.as_of is "soon"; {packaged}',
        f"11: features.linkerd.tracing.value is 3; {packaged}",
    ]


def test_notation(overlay: Path) -> None:
    overlay.write_text("- platforms\n")
    assert lines(overlay) == [
        "1: the file is a list; begin with one of products, gateway_api, platforms, features (MW-E033)"
    ]
    overlay.write_text("platforms: {}\nplatforms: {}\n")
    assert lines(overlay) == ['2: the key "platforms" is there twice; keep one of it and line 1 (MW-E021)']
    overlay.write_text("")
    assert lines(overlay)[0].endswith(
        "the file is empty; begin with one of products, gateway_api, platforms, features (MW-E025)"
    )


def test_a_missing_overlay_is_a_mistake(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_CATALOG", str(overlay))
    with pytest.raises(ConfigError, match=r"facts.yaml: there is no such file; .* \(MW-E024\)"):
        load_catalog()
