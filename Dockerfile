# docker build --build-arg PG_MAJOR=17 -t custseg .
# docker run --shm-size=1g -e POSTGRES_PASSWORD=... custseg
#
# Parallel training keeps the rows in shared memory, of which a container gets 64 MB unless told
# otherwise; with too little, training goes on in one process and says so.

ARG PG_MAJOR=17
FROM postgres:$PG_MAJOR-bookworm
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
