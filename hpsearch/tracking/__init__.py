"""The projection of a log into MLflow: the only room that imports mlflow, and only inside of functions.

The log is the outbox. A process of its own (``process`` starts it, ``deliver`` is its loop) tails the log and brings
MLflow into line with it, so that importing mlflow, migrating its store and writing to it never take time from training.
"""
