# syntax=docker/dockerfile:1

# The wheel is built with the pinned build system of the lock, which stays behind in this stage.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN awk '/^[^ #]/ { keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } keep' \
        requirements.lock > build.lock \
    && pip install --no-cache-dir --no-deps --require-hashes -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY frontdesk frontdesk
COPY prices.yaml ./
COPY agents agents
COPY tools tools
COPY mcp_servers mcp_servers
COPY tracing tracing
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 frontdesk \
    && install -d -o frontdesk -g frontdesk /data
WORKDIR /desk
COPY requirements.lock ./
RUN sed '/^# --- development/,$d' requirements.lock > /tmp/runtime.lock \
    && pip install --no-cache-dir --no-deps --require-hashes -r /tmp/runtime.lock \
    && rm /tmp/runtime.lock
COPY --from=build /build/dist /tmp/dist
RUN pip install --no-cache-dir --no-deps /tmp/dist/*.whl && rm -r /tmp/dist
# The example desk. Mount your own over /desk.
COPY prices.yaml ./
COPY agents agents
COPY tools tools
COPY mcp_servers mcp_servers

USER frontdesk
# Open to other machines, so it needs keys to start: `docker run -e FRONTDESK_API_KEYS=…`.
ENV FRONTDESK_DESK=/desk FRONTDESK_DATA=/data FRONTDESK_HOST=0.0.0.0 FRONTDESK_PORT=8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s CMD \
    ["python", "-c", "import os, ssl, urllib.request as r; tls = os.environ.get('FRONTDESK_TLS_CERT'); r.urlopen(f\"http{'s' * bool(tls)}://127.0.0.1:{os.environ['FRONTDESK_PORT']}/healthz\", timeout=2, context=ssl._create_unverified_context() if tls else None)"]
CMD ["frontdesk", "serve"]
