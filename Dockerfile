# docker build --build-arg PG_MAJOR=17 -t custseg .
# docker run --shm-size=1g -e POSTGRES_PASSWORD=... custseg
#
# docker build --target with-cron -t custseg-cron .          the same with pg_cron, for compose.yaml
# docker build --target dashboard -t custseg-dashboard .     the dashboard
#
# Parallel training keeps the rows in shared memory, of which a container gets 64 MB unless told
# otherwise; with too little, training goes on in one process and says so.

ARG PG_MAJOR=17
ARG NODE_MAJOR=20

FROM node:$NODE_MAJOR-bookworm-slim AS dashboard-build
WORKDIR /build
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY dashboard .
RUN npm run build && \
		npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:$NODE_MAJOR-bookworm-slim AS dashboard
WORKDIR /opt/custseg/dashboard
COPY --from=dashboard-build /build/node_modules node_modules
COPY --from=dashboard-build /build/dist dist
COPY --from=dashboard-build /build/package.json /build/openapi.yaml ./
COPY --from=dashboard-build /build/server server
COPY --from=dashboard-build /build/sql sql
COPY --from=dashboard-build /build/report report
COPY --from=dashboard-build /build/web web
USER node
EXPOSE 8300
# nobody reaches loopback of a container: it listens on all addresses, and so wants tokens or a proxy
ENV CUSTSEG_LISTEN=0.0.0.0
HEALTHCHECK --interval=10s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.CUSTSEG_PORT ?? 8300) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "server/main.js"]

FROM postgres:$PG_MAJOR-bookworm AS database
ARG PG_MAJOR

COPY . /tmp/custseg

RUN apt-get update && \
		apt-mark hold locales && \
		apt-get install -y --no-install-recommends build-essential libgsl-dev postgresql-server-dev-$PG_MAJOR && \
		apt-get install -y --no-install-recommends libgsl27 libopenblas0 libxgboost0 && \
		apt-mark manual libgsl27 libgslcblas0 libopenblas0 libxgboost0 && \
		cd /tmp/custseg && \
		make clean && \
		make && \
		make install && \
		mkdir /usr/share/doc/custseg && \
		cp LICENSE README.md /usr/share/doc/custseg && \
		rm -r /tmp/custseg && \
		apt-get remove -y build-essential libgsl-dev postgresql-server-dev-$PG_MAJOR && \
		apt-get autoremove -y && \
		apt-mark unhold locales && \
		rm -rf /var/lib/apt/lists/*

FROM database AS with-cron
ARG PG_MAJOR
RUN apt-get update && \
		apt-get install -y --no-install-recommends postgresql-$PG_MAJOR-cron && \
		rm -rf /var/lib/apt/lists/*
COPY dashboard/container/init.sh /docker-entrypoint-initdb.d/custseg.sh

# what a build without a target makes
FROM database
