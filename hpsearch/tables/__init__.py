"""The door for data: files, frames and arrays of any kind become one checked data set, and it is said how.

:func:`hpsearch.tables.door.load` reads a table, gives its columns their roles, decides the task by model and target
together, divides the rows and attaches the preprocessing that turns columns into numbers.
"""
