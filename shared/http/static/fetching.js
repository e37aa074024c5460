/* Requests that end. `AbortSignal.timeout()` does this by itself, but not before Safari 16 and Chrome 103. */

/* What `read` makes of the answer, null when there is no answer within the time. Only the network's failures are caught:
   what this browser cannot do rejects at once, and is not taken for a service that is busy. */
export async function fetchWithin(milliseconds, address, options, read) {
  const limit = new AbortController();
  const request = new Request(address, { ...options, credentials: "omit", signal: limit.signal });
  const timer = setTimeout(() => limit.abort(), milliseconds);
  try {
    return await read(await fetch(request));
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
