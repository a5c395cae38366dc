from pulumi_kubernetes.helm.v3 import Release

Release("base-any", chart="base", repository_opts={"repo": "https://charts.example.org"})
