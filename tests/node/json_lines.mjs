/** A reporter for node:test that writes one line of JSON a test. */
export default async function* jsonLines(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const passed = type === 'test:pass' && data.skip === undefined && data.todo === undefined;
    const error = data.details.error?.cause ?? data.details.error;
    const reason = passed ? '' : `${error?.stack ?? error ?? 'not run'}`;
    yield `${JSON.stringify({ name: data.name, passed, reason })}\n`;
  }
}
