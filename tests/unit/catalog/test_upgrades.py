"""What the catalog knows of upgrades."""

import pytest

from meshwright.catalog import load_catalog

FACTS = load_catalog().upgrades


def test_each_minor_that_can_be_upgraded_to_has_its_changes() -> None:
    known = {load_catalog().release("istio", version).minor for version in load_catalog().versions("istio")}
    assert set(FACTS.behaviour) == known - {"1.28"}


def test_each_fact_says_what_to_do_and_where_it_was_read() -> None:
    for minor, changes in FACTS.behaviour.items():
        for name, change in changes.items():
            assert change.what.endswith("."), (minor, name)
            assert change.do.endswith("."), (minor, name)
            assert change.source, (minor, name)


@pytest.mark.parametrize(
    ("version", "present"), [("1.29.3", True), ("1.29.4", False), ("1.30.0", False), ("1.28.10", True)]
)
def test_faults_go_with_the_patch_that_mends_them(version: str, present: bool) -> None:
    minor = version.rpartition(".")[0]
    assert ("aws-brancheni-probe-fix" in FACTS.faults(minor, version)) is present


def test_a_minor_that_is_not_named_does_not_have_the_fault() -> None:
    assert "istio/istio#61020" not in FACTS.faults("1.29", "1.29.9")
    assert "istio/istio#61020" in FACTS.faults("1.31", "1.31.0")
