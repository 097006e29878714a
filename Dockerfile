# Built where it compiles nothing, run where nothing can be built: the last image has neither pip nor a compiler.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/drift-e3 && python -m venv /opt/build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The locks first: their layer lasts as long as they do.
COPY deploy/requirements.lock deploy/requirements-build.lock deploy/
RUN /opt/build/bin/pip install --no-deps --require-hashes --only-binary :all: -r deploy/requirements-build.lock \
 && /opt/build/bin/pip --python /opt/drift-e3/bin/python install --no-deps --require-hashes --only-binary :all: \
      -r deploy/requirements.lock
COPY pyproject.toml ./
COPY drift_e3 drift_e3
RUN /opt/build/bin/hatchling build --target wheel \
 && /opt/build/bin/pip --python /opt/drift-e3/bin/python install --no-deps --no-index dist/*.whl

FROM ${BASE}
# The base brings a pip of its own, which nothing here calls.
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel \
 && useradd --system --user-group --uid 10001 --home-dir /var/lib/drift-e3 --shell /usr/sbin/nologin drift-e3 \
 && install --directory --owner drift-e3 --group drift-e3 --mode 0700 /var/lib/drift-e3
COPY --from=build /opt/drift-e3 /opt/drift-e3
ENV PATH=/opt/drift-e3/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATE_DIRECTORY=/var/lib/drift-e3
USER drift-e3
WORKDIR /var/lib/drift-e3
VOLUME /var/lib/drift-e3
STOPSIGNAL SIGTERM
# No shell in between: the daemon is the process that is told to stop.
ENTRYPOINT ["drift-e3"]
CMD ["run"]
