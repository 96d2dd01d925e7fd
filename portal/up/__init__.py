"""What `make up`, `make demo` and `make test` run: the environment, the embedded servers, the supervisor.

Standard library only: this package builds the virtual environment that everything else needs.
"""
