# Python packages are pinned by hash (requirements/*.txt), the base image and SQLite's source by digest. The build needs
# Docker 25, or another builder that knows ADD --checksum (Dockerfile syntax 1.6).
#
# To renew the base image, write the digest that this prints:
#   docker buildx imagetools inspect python:3.11-slim-trixie
ARG PYTHON=python:3.11.17-slim-trixie@sha256:6f31d6e9ba2b0a787a3f81c37b004155b87b9efa1b771182bd550c1615745be5

# Debian's SQLite has the WAL-reset bug, which 3.51.3, 3.50.7 and 3.44.6 fix. Only this stage has a compiler.
FROM ${PYTHON} AS sqlite
ADD --checksum=sha256:0e9483900e92cd5de8fd48d16bf9200145a61f7fd5be542a5ac81d8a9516eb9c \
    https://www.sqlite.org/2026/sqlite-autoconf-3530400.tar.gz /source/sqlite.tar.gz
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /source
RUN tar -xzf sqlite.tar.gz --strip-components=1 \
    && mkdir /sqlite \
    && gcc -O2 -fPIC -shared -Wl,-soname,libsqlite3.so.0 \
        -DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_FTS5 \
        -DSQLITE_ENABLE_RTREE -DSQLITE_MAX_VARIABLE_NUMBER=250000 \
        -o /sqlite/libsqlite3.so.0 sqlite3.c -lm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-deps --only-binary=:all: --require-hashes -r requirements/runtime.txt \
    && python -m pip install --no-deps --only-binary=:all: --require-hashes -r requirements/build.txt
COPY . .
RUN python -m pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . \
    && /venv/bin/pip install --no-deps --no-index dist/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="depot-sim" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin depot \
    && install --directory --owner=depot --group=depot /data
COPY --from=sqlite /sqlite /opt/sqlite
COPY --from=build /venv /venv
COPY examples /app/examples
# LD_LIBRARY_PATH goes before every folder of the linker's cache, whose order differs between architectures.
ENV PATH=/venv/bin:$PATH \
    LD_LIBRARY_PATH=/opt/sqlite \
    PYTHONUNBUFFERED=1 \
    DEPOT_SIM_DB=sqlite:////data/depot-sim.db \
    DEPOT_SIM_KEPT_SECRETS=/data/depot-sim.db.secrets
# The build fails unless Python loads a SQLite with the fix.
RUN ["python", "-P", "-c", "from depot_sim.adapters.event_store.sqlite_version import loaded_library; found = loaded_library(); print(found); raise SystemExit(not found.wal_reset_fixed)"]
USER depot
WORKDIR /app
VOLUME /data
EXPOSE 8420
# DEPOT_SIM_TOKENS must be set: the service refuses to listen beyond loopback without tokens.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8420/livez', timeout=2)"]
ENTRYPOINT ["depot-sim"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8420"]
