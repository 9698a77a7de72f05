"""How many connections a machine may have to Wikimedia's site of exports."""

FILE_CONNECTIONS = 2
"""Files fetched at once, over all processes and containers together. Wikimedia allows three
connections per address; the third is left for look-ups (planning, a sensor)."""
