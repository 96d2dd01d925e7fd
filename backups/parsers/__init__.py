"""What hosts say of backups, as values."""
