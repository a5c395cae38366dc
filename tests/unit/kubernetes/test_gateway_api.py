"""The Gateway API CRDs have one owner, stay when it goes, and are never downgraded."""

from typing import Any

import pulumi
import pytest

from meshwright import GatewayApiCrds
from meshwright.engine.graph import UNKNOWN, Graph
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.gateway_api import _never_downgraded, _unless_newer
from tests.unit.graphs import find, inputs, shape, with_provider

URL = "https://example.com/standard-install.yaml"
BUNDLE = ("kubernetes:yaml/v2:ConfigFile", "crds-bundle", "crds")


def crds(mode: str) -> Graph:
    return with_provider(lambda opts: GatewayApiCrds("crds", {"mode": mode, "version": "1.6.1", "manifest": URL}, opts))


def test_created_crds_stay_when_the_stack_goes() -> None:
    graph = crds("create")
    assert shape(graph) == [("meshwright:index:GatewayApiCrds", "crds", "test-dev"), BUNDLE]
    bundle = find(graph, "crds-bundle")
    assert (bundle.inputs, bundle.remote, bundle.options.retain_on_delete) == ({"file": URL}, True, True)
    assert bundle.provider.endswith("::cluster")
    assert find(graph, "crds").outputs == {"version": "1.6.1"}


def test_skipped_crds_are_left_to_their_owner() -> None:
    graph = crds("skip")
    assert shape(graph) == [("meshwright:index:GatewayApiCrds", "crds", "test-dev")]
    assert find(graph, "crds").outputs == {"version": "1.6.1"}


def test_adopted_crds_are_read_first_and_nothing_is_known_until_they_are() -> None:
    graph = crds("adopt")
    assert shape(graph)[1:] == [
        ("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "crds-existing", "crds"),
        BUNDLE,
    ]
    assert find(graph, "crds-existing").read
    assert inputs(graph, "crds-bundle") == {"file": UNKNOWN}


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ComponentError) as error:
        crds("own")
    assert str(error.value) == "GatewayApiCrds crds: the mode 'own' is unknown; one of: create, adopt, skip (MW-E050)"


def test_a_bundle_that_is_not_there_is_refused_before_anything_is_registered() -> None:
    with pytest.raises(ComponentError, match=r"there is no file crds/none\.yaml; .* \(MW-E050\)"):
        with_provider(
            lambda opts: GatewayApiCrds(
                "crds", {"mode": "create", "version": "1.6.1", "manifest": "crds/none.yaml"}, opts
            )
        )


class _Existing:
    """Stands in for the CRD that is read from the cluster."""

    annotations: dict[str, str] | None = None

    @classmethod
    def get(cls, *_: object, **__: object) -> Any:
        cls.metadata = pulumi.Output.from_input(None).apply(lambda _: cls)
        return cls

    metadata: pulumi.Output[Any]


@pytest.mark.parametrize(
    ("annotations", "allowed"),
    [
        ({"gateway.networking.k8s.io/bundle-version": "v1.6.1"}, True),
        ({"gateway.networking.k8s.io/bundle-version": "v1.5.1"}, True),
        ({"gateway.networking.k8s.io/bundle-version": "v1.7.0-rc.1"}, False),
        ({"gateway.networking.k8s.io/bundle-version": "v1.10.0"}, False),
        ({}, True),
        (None, True),
    ],
)
def test_adopting_never_downgrades(
    monkeypatch: pytest.MonkeyPatch, annotations: dict[str, str] | None, allowed: bool
) -> None:
    monkeypatch.setattr("pulumi_kubernetes.apiextensions.v1.CustomResourceDefinition", _Existing)
    monkeypatch.setattr(_Existing, "annotations", annotations)
    seen: list[str] = []

    def program(opts: pulumi.ResourceOptions) -> None:
        component = GatewayApiCrds("crds", {"mode": "skip", "version": "1.6.1", "manifest": URL}, opts)
        _unless_newer(component, "crds", "1.6.1", URL, "GatewayApiCrds crds").apply(seen.append)

    if allowed:
        with_provider(program)
        assert seen == [URL]
    else:
        with pytest.raises(ComponentError, match=r"the cluster has Gateway API .*, newer than 1\.6\.1; .* \(MW-E055\)"):
            with_provider(program)
        assert seen == []


@pytest.mark.parametrize("mode", ["create", "adopt", "skip"])
def test_the_engine_is_asked_to_show_what_was_there_before(mode: str) -> None:
    assert "crds-never-downgraded" in {note.subject for note in crds(mode).notes}


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ({"version": "1.5.1"}, {"version": "1.6.1"}, True),
        ({"version": "1.6.1"}, {"version": "1.6.1"}, True),
        ({"version": "1.6.1"}, {"version": "1.5.1"}, False),
        ({"version": "1.10.0"}, {"version": "1.9.0"}, False),
        (None, {"version": "1.5.1"}, True),
    ],
)
def test_a_stack_never_goes_back_to_an_older_bundle(
    before: dict[str, str] | None, after: dict[str, str], allowed: bool
) -> None:
    change = pulumi.ResourceHookArgs(urn="u", id="", name="crds", type="t", old_inputs=before, new_inputs=after)
    check = _never_downgraded("GatewayApiCrds crds")
    if allowed:
        check(change)
    else:
        with pytest.raises(ComponentError, match=r"this stack has Gateway API .*, newer than .* \(MW-E055\)"):
            check(change)
