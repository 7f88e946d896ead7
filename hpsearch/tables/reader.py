"""By which rules tables are read: each log goes on under its own."""

READER = 3
"""The rules by which tables are read, divided and turned into numbers; a log says which were its own.

1: those of version 0.1. 2: numbers were standardised once more, see :func:`hpsearch.tables.encoding.numbers`.
"""
