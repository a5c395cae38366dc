"""100 namespaces by our component, or BENCH_NAMESPACES."""

import os

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import AmbientNamespace

cluster = kubernetes.Provider("cluster", context="bench")
for number in range(int(os.environ.get("BENCH_NAMESPACES", "100"))):
    AmbientNamespace(
        f"team-{number}",
        {"namespace": f"team-{number}", "phase": "permissive", "waypoint": {"reason": "retries"}},
        pulumi.ResourceOptions(providers=[cluster]),
    )
