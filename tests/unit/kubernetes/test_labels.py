"""Labels as the API server takes them."""

import pytest

from meshwright.kubernetes.labels import misspelt


@pytest.mark.parametrize(
    "labels",
    [
        {"app": "web", "app.kubernetes.io/name": "Web_1.0", "tier": ""},
        {f"{'d' * 253}/a": "x" * 63, "x" * 63: "A"},
    ],
)
def test_labels_that_there_can_be(labels: dict[str, str]) -> None:
    assert list(misspelt(labels)) == []


@pytest.mark.parametrize("key", ["", "a b", "-a", "a-", "/a", "a/", "a/b/c", "Domain/a", "x" * 64, f"{'d' * 254}/a", 1])
def test_keys_that_there_cannot_be(key: str) -> None:
    ((message, remedy),) = misspelt({key: "a"})
    assert message == f"has the key {str(key)[:80]!r}, which is none of a label"
    assert remedy.startswith("write at most 63 letters")


@pytest.mark.parametrize("value", ["a b", "-a", "a-", "a/b", "x" * 64, "ä", 1, None])
def test_values_that_there_cannot_be(value: str) -> None:
    ((message, remedy),) = misspelt({"a": value})
    assert message == f"has the value {str(value)[:80]!r} for a, which is none of a label"
    assert remedy.endswith("the first and last a letter or digit")
