// Who visits?  Roles of the database are the users.  On loopback, all visitors are one role; elsewhere a
// bearer token stands for a role, or a proxy, known by its secret, names the role.

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ApiError } from './errors.js';

const secretHeader = 'x-custseg-proxy-secret';

/** Returns the SHA-256 of a text. */
function digest(text) {
    return createHash('sha256').update(text, 'utf8').digest();
}

/** Throws unless a text can be the name of a role to act as: "none" would be the role that logs in. */
function checkRole(role, where) {
    if (role === '' || role === 'none' || Buffer.byteLength(role) > 63 || role.includes('\0')) {
        throw new Error(`${where}: ${JSON.stringify(role)} is not the name of a role`);
    }
}

/** Reads a file of tokens; returns [{digest, role}].  Throws what is wrong with which line. */
export function readTokens(file) {
    const tokens = [];

    for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
        const words = line.trim();
        const where = `${file}, line ${index + 1}`;

        if (words === '' || words.startsWith('#')) {
            continue;
        }
        const parts = /^([0-9a-fA-F]{64})\s+(.+)$/.exec(words);

        if (!parts) {
            throw new Error(`${where}: a line is the SHA-256 of a token, 64 hexadecimal digits, a space, and a role`);
        }
        checkRole(parts[2], where);
        tokens.push({ digest: Buffer.from(parts[1], 'hex'), role: parts[2] });
    }
    if (tokens.length === 0) {
        throw new Error(`${file} has no token`);
    }
    return tokens;
}

/** Reads the proxy's secret; returns its digest. */
function readSecret(file) {
    const secret = readFileSync(file, 'utf8').trim();

    if (secret.length < 16) {
        throw new Error(`${file}: the secret has ${secret.length} letters, fewer than 16`);
    }
    return digest(secret);
}

/** Decides as which role a request is served. */
export class Authentication {
    #settings;
    #tokens = [];
    #secret = null;

    constructor(settings) {
        this.#settings = settings;
        this.reload();
    }

    /** Reads the files of tokens and the secret; on an error, what was read before stays. */
    reload() {
        const { tokensFile, proxySecretFile, role } = this.#settings;
        const tokens = tokensFile ? readTokens(tokensFile) : [];
        const secret = proxySecretFile ? readSecret(proxySecretFile) : null;

        if (role) {
            checkRole(role, 'CUSTSEG_ROLE');
        }
        this.#tokens = tokens;
        this.#secret = secret;
    }

    /** Returns the roles that are known before anybody comes; null is the role that logs in. */
    knownRoles() {
        if (!this.#settings.authenticates) {
            return [this.#settings.role || null];
        }
        return [...new Set(this.#tokens.map((token) => token.role))];
    }

    /** Returns the role of a request, null for the role that logs in; throws "unauthorized". */
    roleOf(headers) {
        if (!this.#settings.authenticates) {
            return this.#settings.role || null;
        }
        const role = this.#proxyRole(headers) ?? this.#tokenRole(headers.authorization);

        if (role === undefined) {
            throw new ApiError('unauthorized', 'this dashboard wants to know who you are',
                { hint: 'Send "Authorization: Bearer TOKEN" with the token that the administrator gave you.' });
        }
        return role;
    }

    /** Returns the role that a proxy names, undefined when none does who knows the secret. */
    #proxyRole(headers) {
        const secret = headers[secretHeader];
        const role = headers[this.#settings.proxyHeader];

        if (this.#secret === null || secret === undefined || !timingSafeEqual(digest(secret), this.#secret)) {
            return undefined;
        }
        // Node reads headers as Latin-1; names of roles are UTF-8
        const name = Buffer.from(role ?? '', 'latin1').toString('utf8');

        try {
            checkRole(name, this.#settings.proxyHeader);
        } catch {
            return undefined;
        }
        return name;
    }

    /** Returns the role of a bearer token, undefined when no token fits.  Each is compared, in constant time. */
    #tokenRole(authorization) {
        const parts = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '');

        if (!parts) {
            return undefined;
        }
        const presented = digest(parts[1]);
        let role;

        for (const token of this.#tokens) {
            if (timingSafeEqual(presented, token.digest)) {
                role ??= token.role;
            }
        }
        return role;
    }
}

/** Returns the name in a Host header, without the port and in lower case; "" when there is none. */
function hostName(host) {
    return (/^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::\d*)?$/.exec(host ?? '')?.[1] ?? '').toLowerCase();
}

const ownNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Returns a function that throws when a request was meant for another name, as when a page has bound its own name
 * to this address, or comes from a page of another origin.
 */
export function makeOriginCheck(hosts) {
    const others = new Set(hosts.map((name) => name.toLowerCase()));
    const names = new Set([...ownNames, ...others]);

    return function checkOrigin(headers) {
        if (!others.has('*') && !names.has(hostName(headers.host))) {
            throw new ApiError('not_found', 'no dashboard has that name here', { hint: 'The administrator can add the name to CUSTSEG_HOSTS.' });
        }
        if (headers.origin === undefined) {
            return;
        }
        const origin = /^https?:\/\/(.+)$/.exec(headers.origin)?.[1] ?? '';

        if (origin.toLowerCase() !== headers.host?.toLowerCase() && !others.has(hostName(origin))) {
            throw new ApiError('unauthorized', 'pages of other origins may not ask this dashboard');
        }
    };
}

/** Says how many requests a second one visitor may make: a bucket that fills at that rate and holds a second's worth. */
export class RateLimit {
    #rate;
    #buckets = new Map();

    constructor(rate) {
        this.#rate = rate;
    }

    /** Takes one request of a visitor; throws "too_many" when there are none left. */
    take(visitor, now = performance.now()) {
        if (this.#rate === 0) {
            return;
        }
        const bucket = this.#buckets.get(visitor) ?? { left: this.#rate, at: now };

        bucket.left = Math.min(this.#rate, bucket.left + (now - bucket.at) / 1000 * this.#rate);
        bucket.at = now;
        this.#buckets.delete(visitor);
        this.#buckets.set(visitor, bucket);
        this.#forget(now);
        if (bucket.left < 1) {
            throw new ApiError('too_many', `more than ${this.#rate} requests a second`, { hint: 'Send up to 1000 customers in one request.' });
        }
        bucket.left -= 1;
    }

    /** Forgets the visitors who have been away so long that their buckets are full. */
    #forget(now) {
        for (const [visitor, bucket] of this.#buckets) {
            if (now - bucket.at < 1000) {
                return;
            }
            this.#buckets.delete(visitor);
        }
    }
}
