"""What an upgrade of Linkerd has to reckon with: edges have no minors; what one breaks is in its notes alone."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import StringConstraints

from meshwright.catalog.models import Dated, Entry, Minor, Text

Part = Literal["crds", "control-plane", "extensions", "data-plane"]
Edge = Annotated[str, StringConstraints(pattern=r"^edge-\d{2}\.\d{1,2}\.\d{1,2}$")]


class Breaking(Dated):
    """Something that an edge does in another way than those before it."""

    parts: list[Part]
    """The parts with which it comes."""
    what: Text
    do: Text
    """What to look at, or to do."""


class LinkerdUpgradeFacts(Entry):
    """All that is known of upgrades."""

    lines: Mapping[Minor, Edge]
    """Version -> the edge with which it began, oldest first."""
    gateway_api_kept_from: Edge
    """The first edge whose linkerd-crds keeps the Gateway API's CRDs when it no longer has them."""
    breaking: Mapping[Edge, Mapping[str, Breaking]]
    """Edge -> what is new with it, by name; oldest first."""
