"""A stack file to begin with: which questions there are, and the commented file that their answers make."""

from meshwright.scaffold.questions import QUESTIONS, Answers, Question, mesh_of
from meshwright.scaffold.text import stack_text

__all__ = ["QUESTIONS", "Answers", "Question", "mesh_of", "stack_text"]
