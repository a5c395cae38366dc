"""Components, options, secrets and unknowns."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions


class Team(pulumi.ComponentResource):
    """A namespace, and in a component of its own a ConfigMap that refers to it."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("shop:index:Team", name, {"size": 4, "token": pulumi.Output.secret("t")}, opts)
        self.namespace = kubernetes.core.v1.Namespace(
            f"{name}-ns", metadata={"name": name}, opts=ResourceOptions(parent=self)
        )
        inner = pulumi.ComponentResource("shop:index:Inner", f"{name}-inner", {}, ResourceOptions(parent=self))
        self.settings = kubernetes.core.v1.ConfigMap(
            f"{name}-settings",
            metadata={"name": "settings", "namespace": self.namespace.metadata["name"]},
            data={"id": self.namespace.id, "key": pulumi.Output.secret("k")},
            opts=ResourceOptions(parent=inner, depends_on=[self.namespace]),
        )
        self.register_outputs({"settings": self.settings.id, "token": pulumi.Output.secret("t")})


provider = kubernetes.Provider("cluster", context="prod")
web = Team("web", ResourceOptions(protect=True, providers=[provider]))
api = Team("api", ResourceOptions(depends_on=[web], retain_on_delete=True))
kubernetes.core.v1.ConfigMap(
    "options",
    metadata={"name": "options"},
    data={"namespace": api.namespace.metadata["name"]},
    opts=ResourceOptions(
        provider=provider,
        aliases=[pulumi.Alias(name="older"), pulumi.Alias(parent=web)],
        ignore_changes=["data"],
        replace_on_changes=["metadata"],
        additional_secret_outputs=["data"],
        custom_timeouts=pulumi.CustomTimeouts(create="5m"),
        deleted_with=api.namespace,
        delete_before_replace=True,
        import_="default/options",
    ),
)
pulumi.export("labels", pulumi.Config().require_object("labels"))
pulumi.export("id", web.settings.id)
pulumi.export("token", pulumi.Output.secret("t"))
