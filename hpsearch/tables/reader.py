"""The version of the rules by which tables are read: each log goes on under the one that it began with."""

READER = 3
"""The current rules by which tables are read, divided and turned into numbers; a log names those of its data.

1: those of version 0.1. 2: numbers were standardised once more, see :func:`hpsearch.tables.encoding.numbers`.
"""
