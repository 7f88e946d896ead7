"""Optuna as a folded view of the log: for its samplers, pruners, importances and dashboards."""
