// What the administrator should know: lines on standard error, which systemd and containers keep.

/** Writes a line. */
export function log(message) {
    process.stderr.write(`custseg-dashboard: ${message}\n`);
}
