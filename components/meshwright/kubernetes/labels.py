"""How Kubernetes spells labels.

Source: the API server's ``IsQualifiedName`` and ``IsValidLabelValue``
(k8s.io/apimachinery ``pkg/util/validation``), as of Kubernetes 1.34.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_NAME: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PREFIX: Final = rf"(?=[^/]{{1,253}}/){_DOMAIN_LABEL}(\.{_DOMAIN_LABEL})*/"
_KEY: Final = re.compile(rf"({_PREFIX})?{_NAME}", re.ASCII)
_VALUE: Final = re.compile(rf"({_NAME})?", re.ASCII)


def misspelt(labels: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What the API server refuses in labels, or in a selector by them, and what would be right."""
    for key, value in labels.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            remedy = 'write at most 63 letters, digits, "-", "_" and ".", perhaps after a domain and a slash'
            yield f"has the key {str(key)[:80]!r}, which is none of a label", remedy
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            remedy = 'write at most 63 letters, digits, "-", "_" and ".", the first and last a letter or digit'
            yield f"has the value {str(value)[:80]!r} for {str(key)[:80]}, which is none of a label", remedy
