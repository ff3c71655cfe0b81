// Settings: one table of them, read from the environment.  docs/dashboard.md lists the same names, and a test
// compares the two.

import { isIP } from 'node:net';

/** Returns the text as it is. */
function text(value) {
    return value;
}

/** Returns a whole number within bounds; throws what is wrong otherwise. */
function whole(low, high) {
    return (value) => {
        const number = Number(value);

        if (!/^\d+$/.test(value) || number < low || number > high) {
            throw new Error(`must be a whole number from ${low} to ${high}`);
        }
        return number;
    };
}

/** Returns the words of a list with commas. */
function list(value) {
    return value.split(',').map((word) => word.trim()).filter((word) => word !== '');
}

/** Returns a time of PostgreSQL's, such as 15s or 500ms, in milliseconds. */
function duration(value) {
    const parts = /^(\d{1,9})(ms|s|min)$/.exec(value);
    const units = { ms: 1, s: 1000, min: 60000 };

    if (!parts || Number(parts[1]) === 0) {
        throw new Error('must be a time with its unit, such as 15s, 500ms or 2min');
    }
    return Number(parts[1]) * units[parts[2]];
}

/** Returns the name of an HTTP header in lower case. */
function header(value) {
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(value)) {
        throw new Error('must be the name of an HTTP header');
    }
    return value.toLowerCase();
}

/** Returns the sources in which one customer may be looked up: {model: {source, key}}. */
function lookups(value) {
    const shape = 'must be JSON such as {"loyalty": {"source": "shop.customers", "key": "id"}}';
    let parsed;

    if (value === '') {
        return new Map();
    }
    try {
        parsed = JSON.parse(value);
    } catch {
        throw new Error(shape);
    }
    if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
        throw new Error(shape);
    }
    for (const entry of Object.values(parsed)) {
        if (typeof entry?.source !== 'string' || typeof entry?.key !== 'string' || !entry.source.includes('.')) {
            throw new Error(`${shape}; the source with its schema`);
        }
    }
    return new Map(Object.entries(parsed));
}

// Each setting: the variable, its default, how it is read, and what it is for.
export const settings = [
    { name: 'listen', variable: 'CUSTSEG_LISTEN', fallback: '127.0.0.1', read: text,
        about: 'Address to listen on. Beyond loopback only with CUSTSEG_TOKENS_FILE or CUSTSEG_PROXY_SECRET_FILE.' },
    { name: 'port', variable: 'CUSTSEG_PORT', fallback: '8300', read: whole(0, 65535),
        about: 'Port to listen on; 0 takes a free one.' },
    { name: 'database', variable: 'CUSTSEG_DATABASE', fallback: '', read: text,
        about: 'Address of the database, postgresql://user@host/name; when empty, PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD and PGSSLMODE.' },
    { name: 'role', variable: 'CUSTSEG_ROLE', fallback: '', read: text,
        about: 'Role as which visitors without a token read; when empty, the role that logs in. Used on loopback only.' },
    { name: 'tokensFile', variable: 'CUSTSEG_TOKENS_FILE', fallback: '', read: text,
        about: 'File of bearer tokens, a line each: the SHA-256 of the token in hexadecimal, and the role that it stands for. SIGHUP reads it anew.' },
    { name: 'proxySecretFile', variable: 'CUSTSEG_PROXY_SECRET_FILE', fallback: '', read: text,
        about: 'File with the secret by which the proxy is known, which it sends as X-Custseg-Proxy-Secret.' },
    { name: 'proxyHeader', variable: 'CUSTSEG_PROXY_HEADER', fallback: 'X-Custseg-Role', read: header,
        about: 'Header in which the proxy names the role of its visitor.' },
    { name: 'hosts', variable: 'CUSTSEG_HOSTS', fallback: '', read: list,
        about: 'Names under which the dashboard is reached, with commas, beside localhost, 127.0.0.1 and [::1]; * for any.' },
    { name: 'poolSize', variable: 'CUSTSEG_POOL_SIZE', fallback: '4', read: whole(1, 100),
        about: 'Connections to the database for one role.' },
    { name: 'connections', variable: 'CUSTSEG_CONNECTIONS', fallback: '20', read: whole(1, 1000),
        about: 'Connections to the database for all roles together.' },
    { name: 'statementTimeout', variable: 'CUSTSEG_STATEMENT_TIMEOUT', fallback: '15s', read: duration,
        about: 'How long a statement may run.' },
    { name: 'rateLimit', variable: 'CUSTSEG_RATE_LIMIT', fallback: '', read: (value) => (value === '' ? null : whole(0, 1000000)(value)),
        about: 'POST requests a second for one role and address, 0 for no limit; when empty, 1000 where visitors show who they are, and no limit on loopback.' },
    { name: 'maxBody', variable: 'CUSTSEG_MAX_BODY', fallback: '4194304', read: whole(1024, 1073741824),
        about: 'Largest body of a request, in bytes.' },
    { name: 'lookups', variable: 'CUSTSEG_LOOKUPS', fallback: '', read: lookups,
        about: 'Where one customer may be looked up by key: {"model": {"source": "schema.table", "key": "column"}}. Off when empty.' },
    { name: 'cacheSize', variable: 'CUSTSEG_CACHE_SIZE', fallback: '33554432', read: whole(0, 1073741824),
        about: 'Memory for parts of publications that were read before and reports that were drawn, of all roles together, in bytes.' },
];

/** True for an address that only this machine reaches. */
export function isLoopback(address) {
    return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/**
 * Returns the settings that an environment holds, and in "unknown" the variables that look like settings and are
 * none; throws an Error that names each wrong one.
 */
export function readSettings(environment) {
    const result = {};
    const faults = [];

    for (const { name, variable, fallback, read } of settings) {
        try {
            result[name] = read(environment[variable] ?? fallback);
        } catch (error) {
            faults.push(`${variable} ${error.message}, not "${environment[variable]}"`);
        }
    }
    if (faults.length === 0 && !isLoopback(result.listen) && !result.tokensFile && !result.proxySecretFile) {
        faults.push(`CUSTSEG_LISTEN is ${result.listen}, which others reach, and nobody has to show who they are: `
            + 'set CUSTSEG_TOKENS_FILE or CUSTSEG_PROXY_SECRET_FILE, or listen on 127.0.0.1');
    }
    if (faults.length > 0) {
        throw new Error(faults.join('\n'));
    }
    const known = new Set(settings.map((setting) => setting.variable));

    result.unknown = Object.keys(environment).filter((variable) => variable.startsWith('CUSTSEG_') && !known.has(variable));
    result.authenticates = result.tokensFile !== '' || result.proxySecretFile !== '';
    return result;
}
