"""Every page of ours, from the URL configuration."""

from django.urls import URLPattern, URLResolver, get_resolver


def routes(resolver=None, namespace=""):
    """Every route as (name, pattern); the API has its own test."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "api-1":
                yield from routes(pattern, f"{pattern.namespace}:" if pattern.namespace else namespace)
        elif isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or "?"), pattern


def undeclared(patterns):
    """The names of routes that state no permission for reading and changing."""
    return [name for name, pattern in patterns if not getattr(pattern.callback, "permission", "") or not pattern.callback.change]


ROUTES = sorted(routes(), key=lambda route: route[0])
