"""Who may do what, over all three services at once: their applications behind one door, as the gateway parts paths."""
