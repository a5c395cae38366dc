from pulumi_kubernetes.helm.v3 import Release

Release("istiod-open", chart="nginx", version="1.30.5")
