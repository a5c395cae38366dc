"""One offline run of a program, from nothing to its graph: ``python -m bench.offline PROJECT``."""

import sys
from pathlib import Path

from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings

project = load_project(Path(sys.argv[1]))
graph = run_program(project, load_stack_settings(project, "dev"), timeout_s=1200)
sys.stdout.write(f"{len(graph.resources)} resources\n")
