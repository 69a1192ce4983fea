"""A made-up quarter: honest vendors at work for ninety days, thieves among them, written as a csvlog and judged by the real scan.

``python -m tests.simulation`` (or ``make quarter``) prints precision and recall by kind; see :mod:`tests.simulation.judge`.
"""
