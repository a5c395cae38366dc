from pulumi_kubernetes.helm.v3 import Release

Release("cni-minor", chart="./charts/cni")
