"""What a user declares: the study, its goal, its identity, and how its file is read."""
