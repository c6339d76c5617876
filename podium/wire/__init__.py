"""Talking to a hub: one client for programs that wait, one for programs that await, and the API keys they use."""
