# Every package is pinned by hash (requirements/*.txt); the build fetches nothing else.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-deps --only-binary=:all: --require-hashes -r requirements/runtime.txt \
    && python -m pip install --no-deps --only-binary=:all: --require-hashes -r requirements/build.txt
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /venv/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.11-slim
LABEL org.opencontainers.image.title="depot-sim" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin depot \
    && install --directory --owner=depot --group=depot /data
COPY --from=build /venv /venv
COPY examples /app/examples
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DEPOT_SIM_DB=sqlite:////data/depot-sim.db
USER depot
WORKDIR /app
VOLUME /data
EXPOSE 8420
# DEPOT_SIM_TOKENS must be set: the service refuses to listen beyond loopback without tokens.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8420/livez', timeout=2)"]
ENTRYPOINT ["depot-sim"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8420"]
