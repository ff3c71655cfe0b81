// How fast is the server?  Measures what a program and a page ask most, and prints what was found beside what must
// be reached.
//
//   npm run load [-- SECONDS]
//
// The visitors are sockets that send the next request as soon as an answer has come.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { startDashboard } from './support/dashboard.js';

const seconds = Number(process.argv[2] ?? 10);

/** Returns the bytes of a request. */
function request(method, address, body) {
    const text = body === undefined ? '' : JSON.stringify(body);
    const length = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;

    return Buffer.from(`${method} ${address} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n${length}\r\n${text}`);
}

/** Returns the length of an answer's head and body, once its head is there; throws when it is not one with a length. */
function lengthOf(bytes) {
    const end = bytes.indexOf('\r\n\r\n');

    if (end < 0) {
        return Infinity;
    }
    const length = /\r\ncontent-length: (\d+)/i.exec(bytes.latin1Slice(0, end));

    return end + 4 + Number(length[1]);
}

/** One visitor: sends the requests in turn until the time is over; adds to the list how long each took. */
function visit(port, requests, until, found) {
    return new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        let received = [];
        let size = 0;
        let wanted = Infinity;
        let next = 0;
        let sent;
        const send = () => {
            sent = performance.now();
            socket.write(requests[next++ % requests.length]);
        };

        socket.setNoDelay(true);
        socket.on('connect', send);
        socket.on('error', () => found.errors++);
        socket.on('close', resolve);
        socket.on('data', (bytes) => {
            received.push(bytes);
            size += bytes.length;
            if (wanted === Infinity) {
                wanted = lengthOf(received.length === 1 ? bytes : Buffer.concat(received));
            }
            if (size < wanted) {
                return;
            }
            const now = performance.now();

            if (received[0].latin1Slice(9, 12) !== '200') {
                found.errors++;
            }
            found.times.push(now - sent);
            found.bytes = Math.max(found.bytes, size);
            received = [];
            size = 0;
            wanted = Infinity;
            if (now < until) {
                send();
            } else {
                socket.end();
            }
        });
    });
}

/** Lets so many visitors ask for so many seconds; returns requests a second, quantiles in ms and errors. */
async function load(port, visitors, requests, duration) {
    const found = { times: [], errors: 0, bytes: 0 };
    const start = performance.now();

    await Promise.all(Array.from({ length: visitors }, () => visit(port, requests, start + duration * 1000, found)));
    const took = (performance.now() - start) / 1000;
    const times = found.times.sort((a, b) => a - b);
    const quantile = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))];

    return { n: times.length, rate: times.length / took, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), errors: found.errors, bytes: found.bytes };
}

/** Returns the memory of a process in MB: now, and at most so far. */
function memory(pid) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (name) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) / 1024);

    return `${megabytes('VmRSS')} MB, at most ${megabytes('VmHWM')} MB`;
}

/** Returns how much of a processor's time a process has taken, in seconds. */
function processorTime(pid) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');

    return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Prints what was measured. */
function report(name, { rate, p50, p95, p99, errors, bytes }, must) {
    console.log(`${name}\n    ${rate.toFixed(0)}/s, median ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${errors} errors, largest answer ${(bytes / 1000).toFixed(1)} kB   (must: ${must})`);
}

const dashboard = await startDashboard({ CUSTSEG_ROLE: 'reader' });

try {
    const port = Number(new URL(dashboard.url).port);
    const customer = (i) => ({ recency: i % 365, frequency: 1 + i % 30, monetary: 10 + i * 7 % 3000, channel: ['web', 'shop', 'phone'][i % 3], member: i % 4 === 0 });
    const single = Array.from({ length: 500 }, (_, i) => request('POST', '/predict_segment', { model: 'shop', customer: customer(i) }));
    const thousand = [request('POST', '/predict_segment', { model: 'shop', customers: Array.from({ length: 1000 }, (_, i) => customer(i)) })];

    await load(port, 8, single, 1);                // connections open, statements are parsed, code is compiled
    const before = processorTime(dashboard.pid);
    const found = await load(port, 8, single, seconds);

    report('POST /predict_segment, 8 connections', found, '5,000/s, p95 <= 10 ms, 0 errors');
    console.log(`    the server took ${((processorTime(dashboard.pid) - before) / found.n * 1e6).toFixed(0)} us of a processor for a request`);
    console.log(`    memory ${memory(dashboard.pid)}   (must: 150 MB)`);
    report('1,000 customers in one POST, 1 connection', await load(port, 1, thousand, Math.min(seconds, 3)), '<= 120 ms');
    const models = await (await fetch(`${dashboard.url}/api/models`)).json();

    for (const part of ['about', 'summary', 'profile', 'boxplot', 'heatmap', 'histogram', 'level_share', 'projection', 'silhouette', 'alerts', 'sizes', 'drift']) {
        const requests = models.filter((model) => model.published_at !== null)
            .map((model) => request('GET', `/api/models/${encodeURIComponent(model.name)}/${part}?compact=1`));

        report(`part ${part}, 4 connections`, await load(port, 4, requests, Math.min(seconds, 2)), 'p95 <= 30 ms, <= 60 kB');
    }
    report('GET /api/models, 4 connections', await load(port, 4, [request('GET', '/api/models')], Math.min(seconds, 2)), 'p95 <= 30 ms');
    console.log(`    memory ${memory(dashboard.pid)}   (must: 150 MB)`);
} finally {
    await dashboard.stop();
}
