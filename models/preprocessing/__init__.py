"""What stands before a network that learns from a table, beyond what scikit-learn has; knows no pandas.

`Columns` takes a frame as people have it and gives the columns that a model was trained with; `DateParts` turns dates
into numbers; `smooth_clip` tames heavy tails; `plain_text` readies free text for a vectorizer.
"""

from .columns import Columns
from .parts import DateParts, plain_text, smooth_clip

__all__ = ["Columns", "DateParts", "plain_text", "smooth_clip"]
