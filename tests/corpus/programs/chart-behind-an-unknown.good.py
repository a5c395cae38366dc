from pulumi_kubernetes.helm.v3 import Release

Release("some-chart", chart="nginx")
