"""What curves and stages say: diagnosis, advice, audit of the pruner, calibration, confirmation."""
