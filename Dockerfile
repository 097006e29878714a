# Built where it compiles nothing, run where nothing can be built: the last image has neither pip nor a compiler.
# Any Debian with Python 3.11 to 3.13, `venv` and libstdc++ will do as a base.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv --without-pip /opt/drift-e3 && python3 -m venv /opt/build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# The locks first: their layer lasts as long as they do. What pip needs to reach an index of one's own is given to the
# build as the secrets `pip.conf` and `ca.crt` (which a pip.conf names as /run/secrets/ca.crt), and stays in no layer.
COPY deploy/requirements.lock deploy/requirements-build.lock deploy/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.crt \
    --mount=type=cache,target=/root/.cache/pip \
    /opt/build/bin/pip install --no-deps --require-hashes --only-binary :all: -r deploy/requirements-build.lock \
 && /opt/build/bin/pip --python /opt/drift-e3/bin/python install --no-deps --require-hashes --only-binary :all: \
      -r deploy/requirements.lock
# Left out is what no verb loads: test suites, headers and stubs, Arrow's cloud clients, plotly's Python side (its
# JavaScript is what the page and the reports draw with).
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN site=$(echo /opt/drift-e3/lib/python3.*/site-packages) \
 && find "$site" -depth -type d \( -name tests -o -name SelfTest -o -name include \) -exec rm -r {} + \
 && find "$site" -type f \( -name '*.py[ixd]' -o -name '*.pxi' -o -name '*.h' -o -name '*.cc' \) -delete \
 && rm -r "$site"/pyarrow/{libarrow_flight.so,libarrow_s3.so,_flight.,_s3fs.}* \
      "$site"/plotly/{graph_objs,validators,labextension,package_data/widgetbundle.js} /opt/drift-e3/share
COPY pyproject.toml ./
COPY drift_e3 drift_e3
RUN /opt/build/bin/hatchling build --target wheel \
 && /opt/build/bin/pip --python /opt/drift-e3/bin/python install --no-deps --no-index dist/*.whl

FROM ${BASE}
# The base brings a pip of its own, and the means to get another; nothing here calls them.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
      /usr/lib/python3.*/ensurepip /usr/share/python-wheels \
 && groupadd --gid 10001 drift-e3 \
 && useradd --uid 10001 --gid drift-e3 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin drift-e3 \
 && install --directory --owner drift-e3 --group drift-e3 --mode 0700 /var/lib/drift-e3
COPY --from=build /opt/drift-e3 /opt/drift-e3
# All that is ever written: the volume, and /tmp. The rest may be mounted read-only. The state is a folder in the
# volume, so that it can be set aside and another be restored beside it.
ENV PATH=/opt/drift-e3/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp USER=drift-e3 STATE_DIRECTORY=/var/lib/drift-e3/state
# Whatever was left out too much, or is missing in the base, is missed here and not at night.
RUN ["python3", "-c", "import drift_e3.cli.launch, drift_e3.ops.server, driftpy.drift_client, plotly.offline, \
pyarrow.csv, pyarrow.feather, pyarrow.parquet"]
USER 10001:10001
WORKDIR /var/lib/drift-e3
VOLUME /var/lib/drift-e3
STOPSIGNAL SIGTERM
# What /healthz says, from within: it is for everybody, so no token is needed. A bare interpreter, because the
# program itself takes six times as long to start.
HEALTHCHECK --interval=30s --timeout=5s --start-period=1m --retries=3 CMD ["python3", "-I", "-c", "\
import http.client, os; \
daemon = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('DRIFT_E3_SERVER__PORT') or 8787), timeout=4); \
daemon.request('GET', '/healthz'); \
answer = daemon.getresponse(); \
print(answer.read().decode()); \
raise SystemExit(answer.status != 200)"]
# No shell in between: the daemon is the process that is told to stop.
ENTRYPOINT ["drift-e3"]
CMD ["run"]
