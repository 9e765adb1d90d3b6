"""The tasks in use: what stands between a network and those who ask it. No network is here."""
