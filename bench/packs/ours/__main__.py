"""Ninety rules behind our analyzer."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from bench.packs.ninety import ninety

from meshwright_policy.pack import serve

serve(ninety(at_crd="BENCH_AT_CRD" in os.environ))
