"""Expressions in node data: found in text, reduced to what they refer to, compiled once and rendered step by step."""

from .amount import excess_in_definition, excess_in_node
from .condition import Condition, source_in
from .language import Allowance, Expression, ExpressionLanguage, Program
from .references import Scope, result_entry
from .template import Rendered, Template, compile_template, verbatim

__all__ = [
    "Allowance",
    "Condition",
    "Expression",
    "ExpressionLanguage",
    "Program",
    "Rendered",
    "Scope",
    "Template",
    "compile_template",
    "excess_in_definition",
    "excess_in_node",
    "result_entry",
    "source_in",
    "verbatim",
]
