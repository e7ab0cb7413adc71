# syntax=docker/dockerfile:1

FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock openapi.yaml ./
COPY .cargo .cargo
COPY benches benches
COPY src src
# Dependencies stay in the caches between builds; what a cache mount holds is not in the layer, so the binary is copied.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --profile dist --locked --bin leadgate \
    && cp target/dist/leadgate /leadgate \
    && mkdir /data

# The C library, certificates, and nothing else: no shell and no package manager. The user is 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /leadgate /usr/local/bin/leadgate
# The embedded store's default folder is ./data, and a new volume takes the owner of the folder it is laid over.
COPY --from=build --chown=nonroot:nonroot /data /var/lib/leadgate/data
WORKDIR /var/lib/leadgate
VOLUME /var/lib/leadgate/data
# In a container the loopback address can be reached by nobody else, whatever the settings file says.
ENV LEADGATE_LISTEN=0.0.0.0:8080 \
    LEADGATE_CONFIG=/etc/leadgate/leadgate.toml
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=2 \
    CMD ["/usr/local/bin/leadgate", "health"]
ENTRYPOINT ["/usr/local/bin/leadgate"]
CMD ["serve"]
