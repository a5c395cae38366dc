import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "all-strict",
    {"mode": "STRICT", "phases": {"shop": "strict", "cart": "strict"}},
)
