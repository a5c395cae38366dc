"""The command line: one file a command. Nothing here imports Pulumi before a command needs it."""

from meshwright.cli.app import main

__all__ = ["main"]
