"""Rendering: a resource graph as manifests in dependency waves, written as a whole or not at all."""

from meshwright.engine.render.folder import write
from meshwright.engine.render.rendering import Rendering, render
from meshwright.engine.render.report import APPLY_PATCH, REPORT, Remark

__all__ = ["APPLY_PATCH", "REPORT", "Remark", "Rendering", "render", "write"]
