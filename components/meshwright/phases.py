"""The phases of a rollout: for each kind of mesh its ladder, from outside the mesh to plaintext refused."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ladder:
    """The phases of one kind, in the order in which a namespace (or a service, with VPC Lattice) climbs them."""

    phases: tuple[str, ...]
    permissive: frozenset[str]
    """In the mesh, and callers that are not are still served."""
    strict: frozenset[str]
    """Callers without a mesh identity are refused."""

    def step(self, before: str, after: str) -> int:
        """How many rungs up it is from `before` to `after`; negative on the way down.

        Raises:
            ValueError: one of them is no phase of this ladder.
        """
        return self.phases.index(after) - self.phases.index(before)


LADDERS: Mapping[str, Ladder] = {
    # PeerAuthentication PERMISSIVE and STRICT.
    "istio-ambient": Ladder(
        ("unmeshed", "permissive", "strict"), permissive=frozenset({"permissive"}), strict=frozenset({"strict"})
    ),
    # The default inbound policies `audit`, `all-authenticated` and `deny`.
    "linkerd": Ladder(
        ("unmeshed", "audit", "authenticated", "deny"),
        permissive=frozenset({"audit"}),
        strict=frozenset({"authenticated", "deny"}),
    ),
    # ServiceDefaults mutualTLSMode `permissive` and `strict`.
    "consul": Ladder(
        ("unmeshed", "permissive", "strict"), permissive=frozenset({"permissive"}), strict=frozenset({"strict"})
    ),
    # Auth type NONE and AWS_IAM.
    "vpc-lattice": Ladder(
        ("unmeshed", "permissive", "strict"), permissive=frozenset({"permissive"}), strict=frozenset({"strict"})
    ),
}
"""Kind of mesh -> its ladder. `none` has none."""
