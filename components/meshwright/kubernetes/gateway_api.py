"""The Gateway API CRDs of a cluster, and their one owner."""

from pathlib import Path
from typing import Any, TypedDict

import pulumi
from pulumi_kubernetes.yaml.v2 import ConfigFile

from meshwright.errors import Code
from meshwright.gateway_api.labels import BUNDLE_VERSION
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.versions import version_key

_MODES = ("create", "adopt", "skip")
_A_CRD_OF_EVERY_BUNDLE = "gateways.gateway.networking.k8s.io"


class GatewayApiArgs(TypedDict):
    """Arguments of `GatewayApiCrds`."""

    mode: str
    """Who owns the CRDs. ``create``: this stack, and they don't exist yet; the provider refuses to take over those that
    do. ``adopt``: this stack from now on; they exist. ``skip``: somebody else (OpenShift from 4.19 and AKS's managed
    Gateway API own theirs)."""
    version: str
    """Bundle version without ``v``: ``1.6.1``."""
    manifest: str
    """URL or path of the bundle's ``standard-install.yaml``; a path is relative to the program."""


class GatewayApiCrds(pulumi.ComponentResource):
    """The Gateway API CRDs, owned once for all the meshes of a cluster.

    Deleting a CRD deletes every Gateway and route in the cluster, whoever made them, so ``destroy`` leaves the CRDs in
    place, as Istio, Linkerd and Helm do with theirs. Remove them by hand when nothing uses them. A stack that comes
    back to a cluster that has them says ``adopt``.

    Adopting needs a provider with ``upsert_existing_objects`` and ``enable_patch_force``, for otherwise the provider
    protects objects that another field manager owns.

    It never downgrades: where this stack (or, when adopting, the cluster) has a bundle newer than ``version``, preview
    and update stop before anything is changed. (The ValidatingAdmissionPolicy in the bundles doesn't stop 1.6 to 1.5.)

    Raises:
        ComponentError: MW-E050 for an unknown mode, MW-E051 without a provider, MW-E055 for a downgrade.
    """

    version: pulumi.Output[str]
    """The bundle version that consumers may rely on."""

    def __init__(self, name: str, args: GatewayApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, mode = f"GatewayApiCrds {name}", args["mode"]
        require_kubernetes_provider(opts, label)
        if mode not in _MODES:
            raise refuse(Code.BAD_ARGUMENT, label, f"the mode {mode!r} is unknown", f"one of: {', '.join(_MODES)}")
        if mode != "skip" and "://" not in args["manifest"] and not Path(args["manifest"]).is_file():
            raise refuse(
                Code.BAD_ARGUMENT, label, f"there is no file {args['manifest']}", "correct the path of the bundle"
            )
        # The program sees what it wants, and not what it wanted before: the engine shows both to a hook.
        hook = pulumi.ResourceHook(
            f"{name}-never-downgraded", _never_downgraded(label), pulumi.ResourceHookOptions(on_dry_run=True)
        )
        guarded = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook]))
        opts = pulumi.ResourceOptions.merge(opts, guarded)
        super().__init__("meshwright:index:GatewayApiCrds", name, {**args}, opts)
        if mode != "skip":
            manifest: pulumi.Input[str] = args["manifest"]
            if mode == "adopt":
                manifest = _unless_newer(self, name, args["version"], args["manifest"], label)
            ConfigFile(f"{name}-bundle", file=manifest, opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True))
        self.version = pulumi.Output.from_input(args["version"])
        self.register_outputs({"version": self.version})


def _never_downgraded(label: str) -> pulumi.ResourceHookFunction:
    """A hook that stops an update of the component to an older bundle."""

    def check(change: pulumi.ResourceHookArgs) -> None:
        before, after = ((inputs or {}).get("version", "") for inputs in (change.old_inputs, change.new_inputs))
        _refuse_downgrade(label, "this stack", str(before), str(after))

    return check


def _refuse_downgrade(label: str, who: str, there: str, wanted: str) -> None:
    if version_key(there) > version_key(wanted):
        raise refuse(
            Code.DOWNGRADE,
            label,
            f"{who} has Gateway API {there}, newer than {wanted}",
            f"set the version to {there}, or skip if somebody else owns the CRDs",
        )


def _unless_newer(component: GatewayApiCrds, name: str, version: str, manifest: str, label: str) -> pulumi.Output[str]:
    """``manifest``, known only once the cluster's own bundle is seen not to be newer than ``version``."""
    # This module takes a quarter of a second to import, and only adopting needs it.
    from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition

    existing = CustomResourceDefinition.get(
        f"{name}-existing", id=_A_CRD_OF_EVERY_BUNDLE, opts=pulumi.ResourceOptions(parent=component)
    )

    def check(metadata: Any) -> str:
        there = (metadata.annotations or {}).get(BUNDLE_VERSION, "v0").removeprefix("v")
        _refuse_downgrade(label, "the cluster", there, version)
        return manifest

    gated: pulumi.Output[str] = existing.metadata.apply(check)
    return gated
