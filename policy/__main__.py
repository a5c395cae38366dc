"""The policy pack: ``pulumi preview --policy-pack policy``. The rules are in ``meshwright_policy``."""

from meshwright_policy.pack import serve

serve()
