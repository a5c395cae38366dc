"""One order of versions for the catalog, the bundles of CRDs and upgrades."""

from meshwright.versions import version_key


def test_versions_are_compared_by_their_numbers() -> None:
    assert version_key("1.10.0") > version_key("1.9.9")
    assert sorted(["edge-26.8.3", "edge-25.10.7"], key=version_key) == ["edge-25.10.7", "edge-26.8.3"]
    assert version_key("v1.31") == (1, 31)


def test_a_pre_release_counts_as_its_release() -> None:
    assert version_key("1.6.1-rc.2") == (1, 6, 1)


def test_text_without_a_number_comes_first() -> None:
    assert version_key("latest") == ()
