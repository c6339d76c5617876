"""The hub: registry of people and pods, catalogue of cards, mailbox of sealed messages. It never opens a message.

One process, one database, one thread that writes it. Start it with `podium hub start` or `python -m podium.hub`.
"""
