"""What a server answered, kept for the monitor: lines that outlive a kill, then tables."""
