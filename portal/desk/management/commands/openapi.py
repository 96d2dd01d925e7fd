"""manage.py openapi: the API's schema as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from portal.api import api


class Command(BaseCommand):
    """Prints the schema."""

    help = "Print the OpenAPI schema of /api/v1/."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        self.stdout.write(json.dumps(api.get_openapi_schema(), indent=2, default=str))
