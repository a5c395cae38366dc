from pulumi_kubernetes.helm.v3 import Release

Release("istiod-odd", chart="cert-manager", version="9.9.9")
