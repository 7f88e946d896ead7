"""The engine: one log, one logical clock, executors."""
