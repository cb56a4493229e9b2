// `@openai/agents-realtime` over WebSocket, with nothing changed but the URL.

import { hostedMcpTool } from '@openai/agents-core';
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { refusal } from './reader.mjs';
import { GET_WEATHER, Log, main, silence, speech, weatherIn } from './scenario.mjs';

const TEXT = { outputModalities: ['text'] };
const SERVER_VAD = {
  audio: { input: { turnDetection: { type: 'server_vad', silenceDurationMs: 300 } } },
};

const getWeather = tool({
  ...GET_WEATHER,
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => weatherIn(city),
});

/** What a session says of itself, and what is worth telling of it. */
const TOLD = {
  audio: (sound) => ({ bytes: sound.data.byteLength }),
  audio_start: () => ({}),
  audio_stopped: () => ({}),
  audio_interrupted: () => ({}),
  agent_end: (_context, agent, output) => ({ agent: agent.name, output }),
  agent_handoff: (_context, from, to) => ({ from: from.name, to: to.name }),
  agent_tool_end: (_context, _agent, tool, result) => ({ tool: tool.name, result }),
  mcp_tools_changed: (tools) => ({ tools: tools.map(({ name }) => name) }),
  mcp_tool_call_completed: (_context, _agent, call) => ({ call }),
  error: ({ error }) => ({ error: error instanceof Error ? error.message : error }),
};

class Talk {
  log = new Log();
  approvals = [];

  constructor(agent, config) {
    this.session = new RealtimeSession(agent, { transport: 'websocket', model: 'support', config });
    this.session.on('transport_event', (event) => {
      const why = refusal(event);
      if (why !== null) this.log.note('refused', { why, frame: event });
      this.log.note('frame', event);
    });
    for (const [name, tell] of Object.entries(TOLD)) {
      this.session.on(name, (...args) => this.log.note('event', { name, ...tell(...args) }));
    }
    this.session.on('tool_approval_requested', (_context, _agent, { approvalItem }) => {
      this.approvals.push(approvalItem);
      this.log.note('event', { name: 'tool_approval_requested', item: approvalItem.rawItem });
    });
  }

  until(name, fits = () => true) {
    return this.log.until(({ event }) => event?.name === name && fits(event));
  }

  hear(sound) {
    for (const frame of sound) this.session.sendAudio(frame.buffer);
  }

  /** End the talk, and tell the history that the SDK has kept. */
  close() {
    console.log(JSON.stringify({ history: this.session.history, usage: this.session.usage }));
    this.session.close();
  }
}

async function connect(url, { tools = [], handoffs = [], ...config } = {}) {
  const agent = new RealtimeAgent({ name: 'Stock', instructions: 'Be nice.', tools, handoffs });
  const talk = new Talk(agent, config);
  await talk.session.connect({ apiKey: process.env.OPENAI_API_KEY ?? 'none', url });
  return talk;
}

async function text(url) {
  const talk = await connect(url, TEXT);
  talk.session.sendMessage('Where is my order?');
  await talk.until('agent_end');
  talk.close();
}

/** A spoken turn, its end found as the SDK has it by default, or by server VAD, or by a button. */
async function audio(url, turns) {
  const turnDetection = { vad: SERVER_VAD.audio.input.turnDetection, button: null }[turns];
  const talk = await connect(url, { audio: { input: { turnDetection } } });
  talk.hear(speech(1));
  if (turns === 'button') {
    talk.session.sendAudio(new ArrayBuffer(0), { commit: true });
    talk.session.transport.requestResponse();
  } else {
    talk.hear(silence(1));
  }
  await talk.until('agent_end');
  // The SDK asks for the item anew when its transcript is there, before or after the answer.
  await talk.log.seenFrame('conversation.item.retrieved');
  talk.close();
}

async function functionTool(url) {
  const toolChoice = { type: 'function', name: getWeather.name };
  const talk = await connect(url, { tools: [getWeather], toolChoice, ...TEXT });
  talk.session.sendMessage('What is the weather in Oslo?');
  await talk.until('agent_tool_end');
  await talk.until('agent_end', ({ output }) => output);
  talk.close();
}

/** The caller speaks over the answer after a second of it. */
async function bargeIn(url) {
  const talk = await connect(url, SERVER_VAD);
  talk.session.sendMessage('Tell me everything.');
  await talk.until('audio');
  await new Promise((resolve) => setTimeout(resolve, 1000)); // a second of it is played
  talk.hear(speech(1));
  await talk.until('audio_interrupted');
  const { item_id } = await talk.log.untilFrame('conversation.item.truncated');
  await talk.log.untilFrame('conversation.item.retrieved', ({ item }) => item.id === item_id);
  talk.hear(silence(1));
  await talk.log.untilFrame('response.created');
  await talk.until('agent_end');
  talk.close();
}

/** The caller presses a button, as soon as there is sound. */
async function interrupt(url) {
  const talk = await connect(url, SERVER_VAD);
  talk.session.sendMessage('Tell me everything.');
  await talk.until('audio');
  talk.session.interrupt();
  await talk.log.untilFrame('response.done');
  await talk.log.untilFrame('conversation.item.retrieved');
  talk.session.sendMessage('Go on.');
  await talk.log.untilFrame('response.created');
  await talk.until('agent_end');
  talk.close();
}

async function error(url) {
  const talk = await connect(url, TEXT);
  const event = { type: 'conversation.item.delete', item_id: 'nothing', event_id: 'mine' };
  talk.session.transport.sendEvent(event);
  await talk.until('error');
  talk.session.sendMessage('Still there?');
  await talk.until('agent_end');
  talk.close();
}

/** The client's own agents hand over to each other: new instructions and tools mid-call. */
async function handoff(url) {
  const billing = new RealtimeAgent({
    name: 'Billing',
    handoffDescription: 'Knows about bills.',
    instructions: 'Talk about bills.',
    tools: [getWeather],
  });
  const toolChoice = { type: 'function', name: 'transfer_to_Billing' };
  const talk = await connect(url, { handoffs: [billing], toolChoice, ...TEXT });
  talk.session.sendMessage('My bill is wrong.');
  await talk.until('agent_handoff');
  await talk.until('agent_end', ({ output }) => output);
  talk.close();
}

/** The application corrects what was said before: the first message, in its place. */
async function history(url) {
  const talk = await connect(url, TEXT);
  talk.session.sendMessage('My number is twelve.');
  await talk.until('agent_end');
  talk.session.updateHistory((items) => {
    const [first, ...others] = structuredClone(items);
    first.content[0].text = 'My number is thirteen.';
    return [first, ...others];
  });
  await talk.log.untilFrame('conversation.item.deleted');
  await talk.log.untilFrame('conversation.item.done');
  talk.session.sendMessage('And now?');
  await talk.until('agent_end');
  talk.close();
}

/** A tool of an MCP server that the client names, which needs no approval, or gets one, or not. */
async function mcp(url, serverUrl, token, name, decision) {
  const orders = hostedMcpTool({
    serverLabel: 'shop',
    serverUrl,
    headers: { Authorization: `Bearer ${token}` },
    allowedTools: [name],
    requireApproval: decision === 'never' ? 'never' : { always: { toolNames: [name] } },
  });
  const toolChoice = { type: 'mcp', server_label: 'shop', name };
  const talk = await connect(url, { tools: [orders], toolChoice, ...TEXT });
  await talk.until('mcp_tools_changed');
  talk.session.sendMessage('Where is my order 48271?');
  if (decision !== 'never') {
    await talk.until('tool_approval_requested');
    await talk.session[decision](talk.approvals[0]);
  }
  await talk.until('mcp_tool_call_completed');
  await talk.until('agent_end', ({ output }) => output);
  talk.close();
}

/** An MCP server that is not there, or that the desk does not allow. */
async function mcpTrouble(url, serverUrl) {
  const tools = [hostedMcpTool({ serverLabel: 'shop', serverUrl })];
  const talk = await connect(url, { tools, ...TEXT });
  const failed = ['error', 'mcp_list_tools.failed'];
  await talk.log.until(({ frame }) => failed.includes(frame?.type));
  talk.session.sendMessage('Still there?');
  await talk.until('agent_end');
  talk.close();
}

/** A second session is given the URL of the call of the first, with its token. */
async function comeBack(url) {
  const first = await connect(url, TEXT);
  first.session.sendMessage('Where is my order?');
  const { frame } = await first.log.until(({ frame }) => frame?.resume);
  await first.until('agent_end');
  first.session.close();
  const back = new URLSearchParams({ resume: frame.resume.token, after: 'nothing' });
  const second = await connect(`${url}&${back}`, TEXT);
  second.session.sendMessage('Still there?');
  await second.until('agent_end');
  second.close();
}

await main({
  text,
  audio,
  functionTool,
  bargeIn,
  interrupt,
  error,
  handoff,
  history,
  comeBack,
  mcp,
  mcpTrouble,
});
