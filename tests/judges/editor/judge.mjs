// Speaks the language server protocol with yaml-language-server, as an editor does.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const WAIT_MS = 60_000;
const files = process.argv.slice(2).map((file) => ({ file, uri: pathToFileURL(resolve(file)).href }));
const program = join(process.env.LLMC_JUDGE_HOME, "node_modules/yaml-language-server/bin/yaml-language-server");
const server = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "ignore"] });

const fail = (why) => {
  console.error(`editor judge: ${why}`);
  server.kill();
  process.exit(2);
};
const timer = setTimeout(() => fail("the language server did not answer in time"), WAIT_MS);
server.on("error", (error) => fail(error.message));

const send = (message) => {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
};

const settings = { yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false } } };
const underlined = new Map();

const finish = () => {
  clearTimeout(timer);
  let refused = false;
  for (const { file, uri } of files) {
    for (const { range, message } of underlined.get(uri)) {
      refused = true;
      console.log(`${file}:${range.start.line + 1}:${range.start.character + 1}: ${message.split("\n")[0]}`);
    }
  }
  server.kill();
  process.exit(refused ? 3 : 0);
};

const receive = (message) => {
  if (message.id === 0) {
    send({ method: "initialized", params: {} });
    send({ method: "workspace/didChangeConfiguration", params: { settings } });
    for (const { file, uri } of files) {
      const textDocument = { uri, languageId: "yaml", version: 1, text: readFileSync(file, "utf8") };
      send({ method: "textDocument/didOpen", params: { textDocument } });
    }
  } else if (message.method === "workspace/configuration") {
    send({ id: message.id, result: message.params.items.map(({ section }) => settings[section] ?? null) });
  } else if (message.method === "textDocument/publishDiagnostics") {
    underlined.set(message.params.uri, message.params.diagnostics);
    if (files.every(({ uri }) => underlined.has(uri))) finish();
  } else if (message.id !== undefined && message.method) {
    send({ id: message.id, result: null });
  }
};

let buffer = Buffer.alloc(0);
server.stdout.on("data", (data) => {
  buffer = Buffer.concat([buffer, data]);
  for (;;) {
    const split = buffer.indexOf("\r\n\r\n");
    if (split < 0) return;
    const length = Number(/Content-Length: (\d+)/.exec(buffer.subarray(0, split).toString())?.[1]);
    if (buffer.length < split + 4 + length) return;
    const body = buffer.subarray(split + 4, split + 4 + length).toString();
    buffer = buffer.subarray(split + 4 + length);
    receive(JSON.parse(body));
  }
});

const capabilities = { workspace: { configuration: true, didChangeConfiguration: {} }, textDocument: { publishDiagnostics: {} } };
send({ id: 0, method: "initialize", params: { processId: process.pid, rootUri: null, capabilities } });
