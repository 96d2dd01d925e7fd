"""The monthly report: what was done for a client, gathered from all areas, reviewed, sent and kept."""
