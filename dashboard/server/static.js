// The page: the files that "npm run build" made, kept in memory with their gzip.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { hasTag, takesGzip } from './answer.js';

const types = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.ico': 'image/x-icon',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.png': 'image/png',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
    '.woff2': 'font/woff2',
};

// Attributes of style are allowed, for drawings are positioned by them; scripts and sheets come from files alone.
const headers = {
    'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        + "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Returns the files of a folder, by their path in an address. */
function readFiles(folder) {
    const files = new Map();

    if (!existsSync(folder)) {
        return files;
    }
    for (const name of readdirSync(folder, { recursive: true })) {
        const file = path.join(folder, name);
        const type = types[path.extname(name)];

        if (type === undefined || !statSync(file).isFile()) {
            continue;
        }
        const plain = readFileSync(file);
        const packed = existsSync(`${file}.gz`) ? readFileSync(`${file}.gz`) : null;

        files.set(`/${name.split(path.sep).join('/')}`, { plain, packed, type, tag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"` });
    }
    return files;
}

/** Sends a file, or 304 when the client has it.  Names in assets/ change with their contents. */
function sendFile(request, reply, file, name) {
    reply.headers(headers).header('cache-control', name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
        .header('vary', 'accept-encoding')
        .header('etag', file.tag);
    if (hasTag(request.headers['if-none-match'], file.tag)) {
        return reply.code(304).send();
    }
    reply.header('content-type', file.type);
    if (file.packed && takesGzip(request.headers['accept-encoding'])) {
        return reply.header('content-encoding', 'gzip').send(file.packed);
    }
    return reply.send(file.plain);
}

/** Returns a function that answers a request for a path by a file, and tells whether there is one. */
export function makeStatic(folder) {
    const files = readFiles(folder);

    return {
        /** True when the page was built. */
        isBuilt: files.has('/index.html'),

        /** Answers by the file of that path, or by the page itself for its addresses; false when there is neither. */
        send(request, reply, pathname) {
            const name = pathname === '/' || pathname.startsWith('/m/') ? '/index.html' : pathname;
            const file = files.get(name);

            if (file === undefined) {
                return false;
            }
            sendFile(request, reply, file, name);
            return true;
        },
    };
}
