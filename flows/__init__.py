"""When, and in what order. Each flow reads as prose; what its steps do is in `tasks/`."""
