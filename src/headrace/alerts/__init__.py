"""Live alerts: incidents brought up to date with new figures, notifications, and decisions."""
