"""What all processes share: start, probes, loops and end."""
