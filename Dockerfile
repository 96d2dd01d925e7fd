# The portal's image. Not built by us: no container engine is at hand.
FROM python:3.12-slim
WORKDIR /app
# what sets the monthly report's PDF
RUN apt-get update && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
# static files need settings, not secrets: these values open nothing
RUN SECRET_KEY=build ALLOWED_HOSTS=build VAULT_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgres://build/build REDIS_URL=redis://build PORTAL_VAR=/var/lib/retainer \
    python manage.py collectstatic --no-input \
 && useradd --system retainer
USER retainer
