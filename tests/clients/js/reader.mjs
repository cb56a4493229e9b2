// Whether the Agents SDK acts on an event: on one that its schemas do not know it does nothing, and
// says nothing.

import { OpenAIRealtimeBase } from '@openai/agents-realtime';
// Not exported; the package's own module, by its place.
import { realtimeServerEventSchema } from './node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs';

/** Takes events as the SDK's transports do, without a connection. */
class Reader extends OpenAIRealtimeBase {
  constructor() {
    super();
    this.on('error', () => {});
  }
  sendEvent() {}
}

/** Why the SDK would pass over an event or fail at it; `null` if it acts on it. */
export function refusal(event) {
  const { error } = realtimeServerEventSchema.safeParse(event);
  if (error) return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  try {
    new Reader()._onMessage({ data: JSON.stringify(event) });
    return null;
  } catch (failure) {
    return String(failure);
  }
}
