import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("history-of-post", metadata={"name": "history-of-post"})
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "post",
    {"namespace": "post", "phase": "unmeshed", "previous": later.id.apply(lambda _: {})},
)
