"""Rendering: a resource graph as files for kubectl, Flux, Argo CD or helmfile, written as a whole or not at all."""

from meshwright.engine.render.folder import write
from meshwright.engine.render.formats import Tool, render_as
from meshwright.engine.render.rendering import Rendering, render
from meshwright.engine.render.report import APPLY_PATCH, REPORT, Remark
from meshwright.engine.render.repository import Repository

__all__ = ["APPLY_PATCH", "REPORT", "Remark", "Rendering", "Repository", "Tool", "render", "render_as", "write"]
