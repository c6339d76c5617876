"""The shape of rows, and of the pod's own records."""
