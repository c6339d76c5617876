"""Keys, sealed messages and trust: everything that Podium signs, encrypts or believes."""
