# Any image with Python 3.11 or newer as python3, with its venv, on glibc: python:3.12-slim, or Debian 12 and newer with
# python3-venv.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /opt/matcher
# Two environments: the one that installs is left behind.
RUN python3 -m venv /tmp/tools && python3 -m venv --without-pip .venv
COPY requirements.lock ./
# Both secrets may be left out: how pip reaches packages, and whom it trusts, where that is not as everywhere.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/etc/pip-ca.pem \
    /tmp/tools/bin/pip --python .venv/bin/python --disable-pip-version-check install --no-cache-dir \
    --require-hashes --only-binary :all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY src src
# The processors that the machine code is for: every one of the architecture. x86-64-v3, those of the last ten years,
# searches about a tenth faster, and ends with an illegal instruction on an older one.
ARG KERNELS_FOR=generic
ENV NUMBA_CPU_NAME=${KERNELS_FOR} NUMBA_CPU_FEATURES=
RUN /tmp/tools/bin/pip --python .venv/bin/python --disable-pip-version-check install --no-cache-dir \
    --no-deps --no-build-isolation --no-index --editable . \
    && /tmp/tools/bin/pip --python .venv/bin/python uninstall --yes --quiet setuptools \
    && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash src migrations \
    && .venv/bin/matcher warm

FROM ${BASE}
ARG KERNELS_FOR=generic
ARG REVISION=
LABEL org.opencontainers.image.title="matcher" \
      org.opencontainers.image.description="Matches neighbourhood help requests with volunteers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
# The one folder that is written to, besides /tmp.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/matcher --shell /usr/sbin/nologin matcher \
    && install --directory --owner matcher --group matcher --mode 0700 /var/lib/matcher
COPY --from=build /opt/matcher /opt/matcher
ENV PATH=/opt/matcher/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    MATCHER_DATA_DIR=/var/lib/matcher \
    NUMBA_CPU_NAME=${KERNELS_FOR} \
    NUMBA_CPU_FEATURES= \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/matcher
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python3", "-c", "\
import http.client, os, sys;\
service = http.client.HTTPConnection('127.0.0.1', os.environ.get('MATCHER_PORT') or 8000, timeout=4);\
service.request('GET', '/health/live');\
sys.exit(service.getresponse().status != 200)"]
ENTRYPOINT ["matcher"]
CMD ["serve", "--host", "0.0.0.0"]
