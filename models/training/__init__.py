"""The machine behind the networks: populations, compiled passes, streams of data, monitors."""
