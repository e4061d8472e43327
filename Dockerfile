# Two stages: the first has pip and the sources, the second only what runs.
# By itself, on the embedded store, with its data in a volume:
#   docker build -t grantd .
#   docker run --read-only --tmpfs /tmp -v grantd:/var/lib/grantd -p 127.0.0.1:8080:8080 \
#     -e GRANTD_ISSUER=http://localhost:8080 grantd

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY constraints.txt ./
RUN pip install -c constraints.txt hatchling \
 && python -m venv --without-pip /opt/grantd
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/grantd/bin/python install -c constraints.txt dist/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/grantd /opt/grantd
# 65532 is nobody's uid on the host; whoever mounts a file gives it to this number.
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/grantd
ENV PATH=/opt/grantd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRANTD_HTTP=0.0.0.0:8080 \
    GRANTD_GRPC=0.0.0.0:50051
USER 65532:65532
# The default store, sqlite:///grantd.db, and its key file lie in the working directory.
WORKDIR /var/lib/grantd
VOLUME /var/lib/grantd
EXPOSE 8080 50051
STOPSIGNAL SIGTERM
# With http_client_ca_file it cannot ask, having no certificate: run without it (--no-healthcheck).
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-m", "entrypoints.healthcheck"]
ENTRYPOINT ["grantd"]
CMD ["serve"]
