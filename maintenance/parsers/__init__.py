"""Text of hosts in, values out. Pure: no Django, no network, and nothing raised but UnexpectedOutput."""
