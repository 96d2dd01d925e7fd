"""Support: tickets, mail, promises, hours, the knowledge base. It knows clients and nothing above them."""
