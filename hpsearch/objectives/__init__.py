"""What a lane runs: the MLP population, and the interface for everything else that can be trained."""
