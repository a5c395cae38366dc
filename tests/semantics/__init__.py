"""An executable model of Istio 1.31: what a sidecar, ztunnel and a waypoint do with a request.

Written from the sources, not from meshwright's own code, so that one can be held against the other. Each function names
the file of istio/istio (I) or istio/ztunnel (Z) that it follows.

    world.py    the objects of a cluster, and how each pod is captured
    calls.py    a request and what became of it
    envoy.py    AuthorizationPolicies and tokens at sidecars, gateways and waypoints
    ztunnel.py  AuthorizationPolicies and mutual TLS at ztunnel
    routing.py  VirtualServices and HTTPRoutes
    path.py     a request's way through all of it
"""
