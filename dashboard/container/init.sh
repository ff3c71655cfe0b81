#!/bin/bash
#
# init.sh
#	  The first start of the database in compose.yaml: extensions, the dashboard's own role, and a role that reads.
#
# Visitors read as "reader", or as whatever other role is granted to custseg_dashboard.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -v password="${DASHBOARD_PASSWORD:?a password for custseg_dashboard}" \
	--username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'END'
CREATE EXTENSION custseg;
CREATE EXTENSION pg_cron;
CREATE ROLE custseg_dashboard LOGIN NOINHERIT PASSWORD :'password';
CREATE ROLE reader;
GRANT reader TO custseg_dashboard;
END
