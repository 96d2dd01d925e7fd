"""Questions to systems from outside, one module for each kind of service. They run on threads of their own, without the database."""
