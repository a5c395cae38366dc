import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "nobody-listed",
    {"mode": "PERMISSIVE", "phases": {}},
)
