"""What ``study.run`` and its kin do, from settling to delivery."""
