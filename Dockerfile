# The portal's image. Not built by us: no container engine is at hand.
FROM python:3.12-slim
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
# static files need settings, not secrets: these values open nothing
RUN SECRET_KEY=build ALLOWED_HOSTS=build VAULT_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgres://build/build REDIS_URL=redis://build PORTAL_VAR=/var/lib/retainer \
    python manage.py collectstatic --no-input \
 && useradd --system retainer
USER retainer
