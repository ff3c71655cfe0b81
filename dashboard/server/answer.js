// Answers in JSON, or HTML: with a tag by which a browser asks whether it has them already, and compressed.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip, gzipSync } from 'node:zlib';

const packBeside = promisify(gzip);

// Shorter answers fit into one packet as they are.
const smallest = 1400;

// Up to so many bytes, which take a quarter of a millisecond, an answer is compressed at once: to hand it to a thread beside takes longer.
const soon = 65536;

/** Returns a promise of bytes compressed. */
async function pack(plain) {
    const options = { level: constants.Z_BEST_SPEED };

    return plain.length <= soon ? gzipSync(plain, options) : packBeside(plain, options);
}

/** Returns an answer made ready to be sent: its bytes, the same compressed where that pays, its tag, and its type. */
export async function makeAnswer(text, type = 'application/json; charset=utf-8') {
    const plain = Buffer.from(text, 'utf8');
    const tag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`;
    const packed = plain.length < smallest ? null : await pack(plain);

    return { plain, packed, tag, type, size: plain.length + (packed?.length ?? 0) };
}

/** True when a list of tags, as If-None-Match has them, names the tag. */
export function hasTag(list, tag) {
    return list !== undefined && list.split(',').some((word) => word.trim().replace(/^W\//, '') === tag || word.trim() === '*');
}

/** True when a client takes answers that are compressed by gzip. */
export function takesGzip(header) {
    return (header ?? '').split(',').some((word) => {
        const [coding, ...parameters] = word.trim().toLowerCase().split(/\s*;\s*/);

        return coding === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    });
}

/** Sends an answer, or 304 when the client has it. */
export function sendAnswer(request, reply, { plain, packed, tag, type }) {
    reply.header('cache-control', 'private, no-cache').header('vary', 'accept-encoding, authorization').header('etag', tag);
    if (hasTag(request.headers['if-none-match'], tag)) {
        return reply.code(304).send();
    }
    reply.header('content-type', type);
    if (packed && takesGzip(request.headers['accept-encoding'])) {
        return reply.header('content-encoding', 'gzip').send(packed);
    }
    return reply.send(plain);
}
