# syntax=docker/dockerfile:1
FROM node:24-slim AS assets
WORKDIR /src/frontend
# The lock alone first: the layer is built anew only when a package changes.
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --omit=optional
COPY frontend ./
RUN npm run build

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/surveillance
# The lock alone first: the layer is built anew only when a dependency changes.
COPY requirements.lock ./
RUN /opt/surveillance/bin/pip install --require-hashes -r requirements.lock
COPY . .
COPY --from=assets /src/surveillance/web/static/vendor surveillance/web/static/vendor
RUN /opt/surveillance/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
# pg_dump and pg_restore, for 'surveillance db backup' and 'restore'; their version must not be below the server's.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/surveillance surveillance \
 && mkdir /var/lib/surveillance/data \
 && chown surveillance:surveillance /var/lib/surveillance/data
COPY --from=build /opt/surveillance /opt/surveillance
ENV PATH=/opt/surveillance/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SURVEILLANCE_LOG_JSON=true
WORKDIR /var/lib/surveillance
USER surveillance
VOLUME /var/lib/surveillance/data
EXPOSE 8000
# SIGTERM lets what is being sent finish.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["surveillance", "serve", "--host", "0.0.0.0"]
