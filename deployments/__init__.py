"""Where and when flows run."""
