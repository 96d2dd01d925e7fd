"""Text that people have (inventories, configurations, tables) in, rows to import out. Pure."""
