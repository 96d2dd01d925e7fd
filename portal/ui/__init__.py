"""How pages look alike: template tags, answers to htmx."""
