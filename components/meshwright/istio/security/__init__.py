"""Who may call what: policies at the layer that enforces them, and what is refused because neither layer would.

`rules`, `layer`, `waypoints`, `calls` and `migration` are pure and free of Pulumi, so that a stack file is checked by
the same code as the components.
"""
