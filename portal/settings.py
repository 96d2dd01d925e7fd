"""Settings, all from the environment; docs/settings.md is the table. The same module in production, tests and demo."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("PORTAL_VAR", str(BASE_DIR / "var")))

DEBUG = env.boolean("PORTAL_DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = []
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")

# The vault's master key: 32 bytes in base64. Read and checked by portal.vault.crypto, never logged.
VAULT_MASTER_KEY = env.secret("VAULT_MASTER_KEY")
# Only while the master key is rotated (manage.py rotate_keys --master): the one before.
VAULT_MASTER_KEY_PREVIOUS = env.secret("VAULT_MASTER_KEY_PREVIOUS", default="")

INSTALLED_APPS = [
    "portal.accounts",
    "portal.audit",
    "portal.vault",
    "portal.signin",
    "portal.ui",
    "portal.desk",
    "portal.reports",
    "clients",
    "clients.support",
    "monitoring",
    "backups",
    "maintenance",
    "handover",
    "template_partials",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.accounts.middleware.sign_in_required",
    "portal.accounts.middleware.actor",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.accounts.context.may",
            ],
        },
    }
]

DATABASES = {"default": dj_database_url.parse(env.text("DATABASE_URL"), conn_max_age=60, conn_health_checks=True)}
if password := env.secret("DATABASE_PASSWORD", default=""):
    DATABASES["default"]["PASSWORD"] = password
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL: only PostgreSQL is supported (postgres://…).")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# redis:// and rediss:// as they are; a Unix socket is redis+socket:// to Celery and unix:// to Django's cache.
REDIS_URL = env.text("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://", 1),
    }
}

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "desk:home"
LOGOUT_REDIRECT_URL = "account_login"

# Sign-in and second factors by django-allauth (portal/signin/adapters.py); nobody registers, so addresses need no proof.
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ACCOUNT_ADAPTER = "portal.signin.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
# Passwords have a throttle of ours (portal/signin/throttle.py); this one counts codes of second factors.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "5/5m/key", "reauthenticate": None}
MFA_ADAPTER = "portal.signin.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Retainer"
# one step to either side, for clocks and slow typing (RFC 6238, 5.2)
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "portal.signin.adapters.SocialAdapter"
# Single sign-on finds a person by the address that the provider says it verified, and never makes one.
# (By our adapter: django-allauth's own way wipes the password of whoever it finds.)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_STORE_TOKENS = False
OIDC_ISSUER = env.text("OIDC_ISSUER", "")
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.text("OIDC_NAME", "Single sign-on"),
                "client_id": env.text("OIDC_CLIENT_ID"),
                "secret": env.secret("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_ISSUER},
            }
        ]
        if OIDC_ISSUER
        else [],
    }
}
SESSION_ENGINE = "portal.accounts.sessions"

# How many proxies of ours stand in front and add to X-Forwarded-For; 0: the connection's own address counts.
PROXIES = env.integer("PORTAL_PROXIES", default=0)
# Where people reach the portal: the base of links in mails.
PORTAL_URL = env.text("PORTAL_URL", "http://127.0.0.1:8000")
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", default=587)
EMAIL_HOST_USER = env.text("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = env.secret("EMAIL_PASSWORD", default="")
EMAIL_USE_TLS = env.boolean("EMAIL_TLS", default=True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "Retainer <retainer@localhost>")
# Without a mail server mails are files, so that nothing is lost in silence.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = str(VAR / "mail")

# Where people write to for help. Answers to a ticket go to a signed form of it, support+t12.…@…: the mailbox must take addresses
# with a plus. Empty host: no mail is fetched.
SUPPORT_ADDRESS = env.text("PORTAL_SUPPORT_ADDRESS", "support@localhost")
SUPPORT_FROM = env.text("PORTAL_SUPPORT_FROM", f"Retainer <{SUPPORT_ADDRESS}>")
# host=… port=… user=… tls=true folder=INBOX
SUPPORT_MAILBOX = env.pairs("PORTAL_SUPPORT_MAILBOX")
SUPPORT_MAILBOX_PASSWORD = env.secret("PORTAL_SUPPORT_MAILBOX_PASSWORD", default="")

HTTPS = env.boolean("PORTAL_HTTPS", default=True)
# passkeys on plain http: browsers allow that on localhost alone
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# With this prefix a browser takes the cookie from this host over TLS alone, for the whole host (RFC 6265bis).
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = ("__Host-sessionid", "__Host-csrftoken") if HTTPS else ("sessionid", "csrftoken")
SESSION_COOKIE_AGE = 12 * 3600
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", ",")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF, *([f"{urlsplit(OIDC_ISSUER).scheme}://{urlsplit(OIDC_ISSUER).netloc}"] if OIDC_ISSUER else [])],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
# Only pages of tickets and of the knowledge base take files; elsewhere what is sent as one is read past and kept nowhere.
FILE_UPLOAD_HANDLERS = ["portal.ui.uploads.BoundedUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 10

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_ENABLE_UTC = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2}
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker that restarts is waited for, however long it takes
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# How often rows are looked at that nobody holds: what a lost nudge or a dead worker left behind waits so long.
SWEEP_S = float(env.integer("PORTAL_SWEEP_S", default=10))
# Rows are the queue: these ticks look for what is due or was left behind. Each expires before the next comes.
CELERY_BEAT_SCHEDULE = {
    "maintenance.sweep_runs": {"task": "maintenance.sweep_runs", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "maintenance.sweep_rollouts": {"task": "maintenance.sweep_rollouts", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "maintenance.scan_due": {"task": "maintenance.scan_due", "schedule": 60.0, "options": {"expires": 55}},
    "maintenance.note_breaches": {"task": "maintenance.note_breaches", "schedule": 300.0, "options": {"expires": 290}},
    "maintenance.import_feeds": {"task": "maintenance.import_feeds", "schedule": 3600.0, "options": {"expires": 3500}},
    "backups.sweep_tests": {"task": "backups.sweep_tests", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "backups.look_due": {"task": "backups.look_due", "schedule": 600.0, "options": {"expires": 590}},
    "backups.test_due": {"task": "backups.test_due", "schedule": 300.0, "options": {"expires": 290}},
    "monitoring.look": {"task": "monitoring.look", "schedule": 5.0, "options": {"expires": 4.5}},
    "monitoring.take_inventories": {"task": "monitoring.take_inventories", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "monitoring.ask": {"task": "monitoring.ask", "schedule": 5.0, "options": {"expires": 4.5}},
    "monitoring.advance_drills": {"task": "monitoring.advance_drills", "schedule": 10.0, "options": {"expires": 9}},
    "monitoring.begin_drills": {"task": "monitoring.begin_drills", "schedule": 900.0, "options": {"expires": 890}},
    "monitoring.roll_up": {"task": "monitoring.roll_up", "schedule": 300.0, "options": {"expires": 290}},
    "monitoring.mark_overdue": {"task": "monitoring.mark_overdue", "schedule": 10.0, "options": {"expires": 9}},
    "monitoring.send_alerts": {"task": "monitoring.send_alerts", "schedule": 10.0, "options": {"expires": 9}},
    "signin.send_mail": {"task": "signin.send_mail", "schedule": 30.0, "options": {"expires": 25}},
    "signin.clear_sessions": {"task": "signin.clear_sessions", "schedule": 3600.0, "options": {"expires": 600}},
    "handover.sweep": {"task": "handover.sweep", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "handover.keep_up": {"task": "handover.keep_up", "schedule": 900.0, "options": {"expires": 890}},
    "reports.make_due": {"task": "reports.make_due", "schedule": 900.0, "options": {"expires": 890}},
    "support.fetch_mail": {"task": "support.fetch_mail", "schedule": 30.0, "options": {"expires": 25}},
    "support.take_mail": {"task": "support.take_mail", "schedule": 15.0, "options": {"expires": 14}},
    "support.send_mail": {"task": "support.send_mail", "schedule": 15.0, "options": {"expires": 14}},
    "support.watch_promises": {"task": "support.watch_promises", "schedule": 60.0, "options": {"expires": 55}},
    "support.send_digests": {"task": "support.send_digests", "schedule": 600.0, "options": {"expires": 590}},
    "support.diagnose": {"task": "support.diagnose", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "support.act": {"task": "support.act", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
    "clients.sweep_host_work": {"task": "clients.sweep_host_work", "schedule": SWEEP_S, "options": {"expires": SWEEP_S * 0.9}},
}

# Handover: where packages and videos lie, and how long what the law asks for is kept after a client left.
PACKAGES = env.text("PORTAL_PACKAGES", str(VAR / "packages"))
WALKTHROUGHS = env.text("PORTAL_WALKTHROUGHS", str(VAR / "walkthroughs"))
KEEP_YEARS = env.integer("PORTAL_KEEP_YEARS", default=10)
# How long backups of the portal itself are kept; until then they remember a client that was erased.
KEEP_BACKUPS_DAYS = env.integer("PORTAL_KEEP_BACKUPS_DAYS", default=30)

# How long a worker's hold on a row lasts without a sign of life; a sweep takes up what is older.
CLAIM_LEASE_S = env.integer("PORTAL_CLAIM_LEASE_S", default=45)
# How long after a change services get to fall over before the second look that decides.
SETTLE_S = env.integer("PORTAL_SETTLE_S", default=10)
# Where advisory feeds are put as files (docs/advisories.md); looked at every hour.
ADVISORY_FOLDER = env.text("PORTAL_ADVISORY_FOLDER", str(VAR / "advisories"))
# Feeds that the portal fetches by itself: file name to address.
ADVISORY_SOURCES = env.pairs("PORTAL_ADVISORY_SOURCES")
# Private networks in which a mirror of them may be asked.
ADVISORY_NETWORKS = env.networks("PORTAL_ADVISORY_NETWORKS")
ADVISORY_FETCH_H = env.integer("PORTAL_ADVISORY_FETCH_H", default=6)
ADVISORY_MAX_AGE_H = env.integer("PORTAL_ADVISORY_MAX_AGE_H", default=72)
# A file of end of life dates of your own, in front of the shipped ones (docs/upgrades.md).
END_OF_LIFE = env.text("PORTAL_END_OF_LIFE", "")
# Who watches the portal itself (manage.py watch): an address outside that it calls while all is well, and who gets its mails.
WATCHER_URL = env.text("PORTAL_WATCHER_URL", "")
WATCHER_MAIL = env.text("PORTAL_WATCHER_MAIL", "")
# Whether alerts are proven on a schedule, once a month for each system (docs/monitoring.md).
DRILLS = env.boolean("PORTAL_DRILLS", default=True)
# A mailbox in which messages of drills must be found: address=… host=… port=… user=… tls=true
DRILL_MAILBOX = env.pairs("PORTAL_DRILL_MAILBOX")
DRILL_MAILBOX_PASSWORD = env.secret("PORTAL_DRILL_MAILBOX_PASSWORD", default="")
# How many days single results of checks are kept, 7 at least.
RESULTS_DAYS = env.integer("PORTAL_RESULTS_DAYS", default=30)
# Who answers the portal's questions about DNS (addresses, maybe with a port behind #); empty: as this machine is set up.
DNS_SERVERS = env.words("PORTAL_DNS", "")
# Lists of senders of spam that sending addresses are looked up in, and those of them that know IPv6. Each has terms of its own;
# Spamhaus answers no public resolver.
BLOCKLISTS = env.words("PORTAL_BLOCKLISTS", "zen.spamhaus.org,bl.spamcop.net,b.barracudacentral.org,psbl.surriel.com,dnsbl.dronebl.org")
BLOCKLISTS_V6 = env.words("PORTAL_BLOCKLISTS_V6", "zen.spamhaus.org")
# Where registrations of domains are asked for (RDAP, RFC 9082); this one knows which registry to pass the question on to.
RDAP = env.text("PORTAL_RDAP", "https://rdap.org")
# Private networks in which webhooks of alerts may lie.
WEBHOOK_NETWORKS = env.networks("PORTAL_WEBHOOK_NETWORKS")
RDAP_NETWORKS = env.networks("PORTAL_RDAP_NETWORKS")
# Whether hosts are asked for the changelogs of what is pending on them.
READ_CHANGELOGS = env.boolean("PORTAL_READ_CHANGELOGS", default=True)
SCAN_INTERVAL_H = env.integer("PORTAL_SCAN_INTERVAL_H", default=6)
# An index older than this makes a scan stale even where the refresh did not complain.
INDEX_MAX_AGE_H = env.integer("PORTAL_INDEX_MAX_AGE_H", default=36)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"ids": {"()": "portal.logs.AddIds"}},
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s%(ids)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["ids"]}},
    "root": {"handlers": ["console"], "level": env.text("PORTAL_LOG_LEVEL", "INFO")},
    # paramiko logs what hosts say during handshakes; our own layer reports it as typed errors
    "loggers": {
        "paramiko": {"level": "CRITICAL"},
        "fontTools": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # a line per tick tells nobody anything; our own events carry the ids
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
