// The npm package `openai`: `OpenAIRealtimeWS`, with nothing changed but the URL. It speaks TLS only;
// the certificate is trusted by NODE_EXTRA_CA_CERTS.

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { refusal } from './reader.mjs';
import { GET_WEATHER, Log, main, silence, speech, weatherIn } from './scenario.mjs';

const TEXT = { type: 'realtime', output_modalities: ['text'] };
const SERVER_VAD = {
  type: 'realtime',
  audio: {
    input: {
      turn_detection: { type: 'server_vad', silence_duration_ms: 300 },
      transcription: { model: 'gpt-4o-mini-transcribe' },
    },
  },
};
const FUNCTION = {
  type: 'function',
  ...GET_WEATHER,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
  },
};

class Talk {
  log = new Log();

  constructor(baseURL, model, options = {}) {
    const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY ?? 'none', baseURL });
    this.realtime = new OpenAIRealtimeWS({ model, ...options }, client);
    this.realtime.on('event', (frame) => {
      const why = refusal(frame);
      if (why !== null) this.log.note('refused', { why, frame });
      this.log.note('frame', frame);
    });
    this.realtime.on('error', ({ message, error, cause }) =>
      this.log.note('event', { name: 'error', message, error, cause: cause?.message }),
    );
  }

  send(type, fields) {
    this.realtime.send({ type, ...fields });
  }

  write(text) {
    const content = [{ type: 'input_text', text }];
    this.send('conversation.item.create', { item: { type: 'message', role: 'user', content } });
  }

  /** Until so many seconds of an answer are there: the id of its item. */
  async received(seconds) {
    for (let bytes = 0; ; ) {
      const { item_id, delta } = await this.log.untilFrame('response.output_audio.delta');
      bytes += Buffer.from(delta, 'base64').length;
      if (bytes >= seconds * 48_000) return item_id;
    }
  }

  hear(sound) {
    for (const frame of sound) {
      const audio = Buffer.from(frame.buffer).toString('base64');
      this.send('input_audio_buffer.append', { audio });
    }
  }
}

async function connect([baseURL, model], session) {
  const talk = new Talk(baseURL, model);
  await talk.log.untilFrame('session.created');
  talk.send('session.update', { session });
  await talk.log.untilFrame('session.updated');
  return talk;
}

async function text(...server) {
  const talk = await connect(server, TEXT);
  talk.write('Where is my order?');
  talk.send('response.create');
  await talk.log.untilFrame('response.done');
  talk.realtime.close();
}

async function audio(...server) {
  const talk = await connect(server, SERVER_VAD);
  talk.hear(speech(1));
  talk.hear(silence(1));
  await talk.log.untilFrame('response.done');
  await talk.log.seenFrame('conversation.item.input_audio_transcription.completed');
  talk.realtime.close();
}

async function functionTool(...server) {
  const tool_choice = { type: 'function', name: FUNCTION.name };
  const talk = await connect(server, { ...TEXT, tools: [FUNCTION], tool_choice });
  talk.write('What is the weather in Oslo?');
  talk.send('response.create');
  const call = await talk.log.untilFrame('response.function_call_arguments.done');
  const output = weatherIn(JSON.parse(call.arguments).city);
  const item = { type: 'function_call_output', call_id: call.call_id, output };
  talk.send('conversation.item.create', { item });
  talk.send('response.create'); // while the first response closes: as other clients do
  await talk.log.untilFrame('response.done');
  await talk.log.untilFrame('response.done');
  talk.realtime.close();
}

async function bargeIn(...server) {
  const talk = await connect(server, SERVER_VAD);
  talk.write('Tell me everything.');
  talk.send('response.create');
  const item_id = await talk.received(1);
  talk.hear(speech(1));
  await talk.log.untilFrame('input_audio_buffer.speech_started');
  await talk.log.seenFrame('response.done');
  const cut = { item_id, content_index: 0, audio_end_ms: 700 };
  talk.send('conversation.item.truncate', cut);
  await talk.log.untilFrame('conversation.item.truncated');
  talk.send('conversation.item.retrieve', { item_id });
  await talk.log.untilFrame('conversation.item.retrieved');
  talk.hear(silence(1));
  await talk.log.untilFrame('response.created');
  await talk.log.untilFrame('response.done');
  talk.realtime.close();
}

async function error(...server) {
  const talk = await connect(server, TEXT);
  talk.send('conversation.item.delete', { item_id: 'nothing', event_id: 'mine' });
  await talk.log.until(({ event }) => event?.name === 'error');
  talk.write('Still there?');
  talk.send('response.create');
  await talk.log.untilFrame('response.done');
  talk.realtime.close();
}

/** Its connection breaks in an answer, and it comes back by itself, where it was. */
async function comeBack(baseURL, model) {
  const back = {};
  const buildRealtimeURL = () => {
    const url = new URL(`${baseURL.replace('https', 'wss')}/realtime?model=${model}`);
    for (const name in back) url.searchParams.set(name, back[name]);
    return url;
  };
  const talk = new Talk(baseURL, model, { reconnect: true, reconnectInitialDelay: 100, buildRealtimeURL });
  talk.realtime.on('event', (event) => {
    if (event.resume) back.resume = event.resume.token;
    back.after = event.event_id;
  });
  await talk.log.untilFrame('session.created');
  talk.send('session.update', { session: TEXT });
  await talk.log.untilFrame('session.updated');
  talk.write('Where is my order?');
  talk.send('response.create');
  await talk.log.untilFrame('response.created');
  talk.realtime.socket.terminate();
  await talk.log.untilFrame('session.created');
  await talk.log.seenFrame('response.done');
  talk.realtime.close();
}

await main({ text, audio, functionTool, bargeIn, error, comeBack });
