"""What stands before a network that learns from a table, beyond what scikit-learn has; knows no pandas.

`Columns` takes a frame as people have it and gives the columns that a model was trained with; `DateParts` turns dates
into numbers; `SmoothClip` tames heavy tails; `PlainText` readies free text for a vectorizer.
"""

from .columns import Columns
from .parts import DateParts, PlainText, SmoothClip

__all__ = ["Columns", "DateParts", "PlainText", "SmoothClip"]
