"""The config of an upgrade of Linkerd that is about to be applied."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from meshwright.catalog import load_catalog
from meshwright.config.base import Mistake, Model, Spelt
from meshwright.errors import Code, ConfigError
from meshwright.linkerd.upgrade.plan import plan_upgrade


class LinkerdUpgrade(Model):
    """What runs before this stack file is applied. Remove it after the `up`."""

    start: Annotated[
        str, Spelt(r"(2\.\d{1,3}|edge-\d{2}\.\d{1,2}\.\d{1,2})", "release", 'write "2.17", or "edge-24.11.8"', limit=24)
    ] = Field(alias="from", examples=["2.17"])
    """The release that runs, `edge-24.11.8`, or a version, "2.17", for the edge with which it began."""
    gateway_api: Literal["linkerd", "others"] = "linkerd"
    """Who installed the CRDs of the Gateway API: the chart linkerd-crds, or somebody else."""

    def steps_over(self, version: str, values: Mapping[str, object]) -> Iterator[Mistake]:
        """Why the stack can't go from there to its version in one `up`.

        Args:
            version: The edge that the stack asks for.
            values: Chart values of the stack's for linkerd-crds.
        """
        facts = load_catalog().linkerd_upgrades
        try:
            hops = plan_upgrade(self.start, version, facts, self.gateway_api, {"installGatewayAPI": False, **values})
        except ConfigError as error:
            for each in error.problems:
                remedy = each.remedy
                if each.code is Code.GATEWAY_API_DELETED:
                    remedy = "for this step set values: {crds: {installGatewayAPI: true}} and gateway_api: {mode: skip}"
                yield Mistake(each.code, f": {each.message}", remedy)
            return
        if len(hops) > 1:
            message = f"is {self.start}, and {version} skips {hops[0].target}: a control plane leads by one version"
            yield Mistake(Code.LINKERD_UPGRADE, message, f"set version: {hops[0].target} first", ("from",))
