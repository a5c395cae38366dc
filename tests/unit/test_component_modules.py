"""Modules of components, as Pulumi's schema inference reads them for other languages."""

import __future__

import sys
from inspect import isclass

import pulumi
import pytest

import meshwright

COMPONENTS = [
    name
    for name in meshwright.__all__
    if isclass(each := getattr(meshwright, name)) and issubclass(each, pulumi.ComponentResource)
]


@pytest.mark.parametrize("name", COMPONENTS)
def test_its_annotations_are_types_and_not_text(name: str) -> None:
    """It evaluates no text: a module that postpones annotations has no schema."""
    module = sys.modules[getattr(meshwright, name).__module__]
    assert getattr(module, "annotations", None) is not __future__.annotations
