"""Rules: Sigma detections, correlations and filters, checked, compiled to DuckDB and run over access events."""

from scanner.ruleset.backtest import Raised, backtest, chart, choose
from scanner.ruleset.engine import Events, run_rules
from scanner.ruleset.fields import PLACEHOLDERS
from scanner.ruleset.load import load_folders, load_rules, load_text, shipped_folder
from scanner.ruleset.rule import Correlation, Rule, RuleSet, RuleTest, TestCase
from scanner.ruleset.testing import check, event_table, test_rules
from scanner.ruleset.yamlfile import Problem, RuleProblems

__all__ = [
    "PLACEHOLDERS",
    "Correlation",
    "Events",
    "Problem",
    "Raised",
    "Rule",
    "RuleProblems",
    "RuleSet",
    "RuleTest",
    "TestCase",
    "backtest",
    "chart",
    "check",
    "choose",
    "event_table",
    "load_folders",
    "load_rules",
    "load_text",
    "run_rules",
    "shipped_folder",
    "test_rules",
]
