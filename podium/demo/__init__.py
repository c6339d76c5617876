"""The demo: a hub, Prefect and two pods on real data, and questions whose answers are set beside the pooled ones."""
